package types

import "unsafe"

// EnumValue is the ENUM element of an index; 0, and what is out of range, is the error value ”. It shares t's text.
func EnumValue(t *Type, index uint64) Value {
	if index == 0 || index > uint64(len(t.Elems)) {
		return Enum(0, nil)
	}
	return Enum(index, viewBytes(t.Elems[index-1]))
}

// SetValue is the SET value of a mask.
func SetValue(t *Type, mask uint64) Value {
	var text []byte
	for i := range t.Elems {
		switch {
		case mask&(1<<i) == 0:
		case text == nil && mask == 1<<i:
			return Set(mask, viewBytes(t.Elems[i]))
		default:
			if text != nil {
				text = append(text, ',')
			}
			text = append(text, t.Elems[i]...)
		}
	}
	return Set(mask, text)
}

// Element finds an ENUM or SET element by its text, under the column's collation; -1 where there is none.
func (t *Type) Element(text []byte) int {
	for i := range t.Elems {
		if t.Elems[i] == string(text) {
			return i
		}
	}
	for i := range t.Elems {
		if t.Collation.CompareStrings(viewBytes(t.Elems[i]), text) == 0 {
			return i
		}
	}
	return -1
}

// viewBytes views a string's bytes; nobody writes to the bytes of a Value.
func viewBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
