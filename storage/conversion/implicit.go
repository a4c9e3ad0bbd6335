package conversion

import "cloudsql/storage/types"

// ImplicitDefault is the value, in storage form, that a NOT NULL column without DEFAULT takes where errors are only
// warnings, and in rows that were there before it: 0, the empty string, the zero date, an ENUM's first element.
func ImplicitDefault(t *types.Type) types.Value {
	var zero types.Value
	switch t.Class() {
	case types.ClassEnum:
		return types.EnumValue(t, 1)
	case types.ClassJSON:
		return types.JSON([]byte("null"))
	case types.ClassString, types.ClassSet:
		zero = types.Str("")
	default:
		zero = types.Int(0)
	}
	v, _ := Assign(zero, t, "", 1, nil, nil) // not strict: it cannot fail
	return v
}
