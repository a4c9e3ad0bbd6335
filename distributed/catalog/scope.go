package catalog

import (
	"strings"

	"cloudsql/storage/schema"
	"cloudsql/storage/version"
)

// Scope is a part of the catalog that has a version of its own: changes of different scopes neither expect each other nor wait for each
// other. A change reads and puts records of its own scope only (decision 45).
type Scope string

// The scopes.
const (
	Definitions Scope = ""         // all but the others
	UserLocks   Scope = "userlock" // the generic records of that kind
)

// scopesSince is since when there are others than Definitions: programs of before expect and raise its version with each change.
const scopesSince = version.V2

// scopeOf is the scope of a record.
func scopeOf(kind, id string) Scope {
	if kind == kindRecord && strings.HasPrefix(id, string(UserLocks)+"/") {
		return UserLocks
	}
	return Definitions
}

// versionKey is the record that each change of a scope expects and sets.
func (sc Scope) versionKey() string {
	if sc == Definitions {
		return keyVersion
	}
	return Prefix + kindScope + string(sc)
}

// commitID names the record of a node's last change of a scope.
func (sc Scope) commitID(writer schema.NodeID) string {
	if sc == Definitions {
		return number(writer)
	}
	return number(writer) + "/" + string(sc)
}

// versionOf is the log index of the last change of a scope.
func versionOf(s *Snapshot, sc Scope) uint64 {
	if sc == Definitions {
		return s.version
	}
	v, _ := s.scopes.Get(sc)
	return v
}

// setVersion takes in a scope's version; false: key is another record.
func (b *builder) setVersion(key string, version uint64) bool {
	if key == keyVersion {
		b.s.version = version
		return true
	}
	scope, is := strings.CutPrefix(key, Prefix+kindScope)
	if is {
		touch(b, &b.s.scopes).Set(Scope(scope), version)
	}
	return is
}
