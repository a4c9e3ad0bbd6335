package types

// ImplicitDefault is the value, in storage form, that a NOT NULL column without DEFAULT takes where errors are only
// warnings, and in rows that were there before it: 0, the empty string, the zero date, an ENUM's first element.
func ImplicitDefault(t *Type) Value {
	var zero Value
	switch t.Class() {
	case ClassEnum:
		return EnumValue(t, 1)
	case ClassJSON:
		return JSON([]byte("null"))
	case ClassString, ClassSet:
		zero = Str("")
	default:
		zero = Int(0)
	}
	v, _ := Assign(zero, t, "", 1, nil, nil) // not strict: it cannot fail
	return v
}
