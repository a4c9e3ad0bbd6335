package sysvar

import (
	"cloudsql/distributed/catalog"
)

// ValidatePassword is the component that holds passwords to a policy: the one that there is. Until it is installed nobody knows its variables.
const ValidatePassword = "file://component_validate_password"

// ComponentKind is the kind of the catalog's records of installed components; their keys are the components' names.
const ComponentKind = "component"

// Installed tells whether a component is; of the variables of no component it always is.
func Installed(c *catalog.Snapshot, urn string) bool {
	var installed bool
	return urn == "" || c == nil || c.Record(ComponentKind, urn, &installed) && installed
}
