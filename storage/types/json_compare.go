package types

import (
	"bytes"
	"cmp"
	"math"
	"strconv"

	"cloudsql/storage/collation"
)

// jsonNodeOf views any value as a JSON node, to compare it with JSON.
func jsonNodeOf(v Value) jsonNode {
	switch v.kind {
	case KindJSON:
		node, err := parseJSON(v.b)
		if err != nil { // never written by this package; order it somewhere
			return jsonNode{kind: jsonString, text: v.b}
		}
		return node
	case KindInt, KindUint, KindFloat, KindDecimal:
		return jsonNode{kind: jsonNum, number: v}
	case KindString, KindBytes, KindEnum, KindSet:
		return jsonNode{kind: jsonString, text: v.b}
	}
	node, _ := parseJSON(v.appendAsJSON(nil))
	return node
}

// CompareJSON orders two JSON texts in MySQL's order of JSON values.
func CompareJSON(a, b []byte) int {
	if bytes.Equal(a, b) {
		return 0
	}
	return compareWithJSON(JSON(a), JSON(b))
}

// compareWithJSON orders two values, one of which is JSON.
func compareWithJSON(a, b Value) int {
	x, y := jsonNodeOf(a), jsonNodeOf(b)
	return x.compare(&y)
}

func (n *jsonNode) compare(o *jsonNode) int {
	if n.kind != o.kind {
		return cmp.Compare(n.kind, o.kind)
	}
	switch n.kind {
	case jsonBool:
		return compareBools(n.truth, o.truth)
	case jsonNum:
		return compareJSONNumbers(n.number, o.number)
	case jsonString:
		return bytes.Compare(n.text, o.text)
	case jsonArray:
		for i := range min(len(n.items), len(o.items)) {
			if d := n.items[i].compare(&o.items[i]); d != 0 {
				return d
			}
		}
		return cmp.Compare(len(n.items), len(o.items))
	case jsonObject:
		return n.compareMembers(o)
	}
	return 0
}

// compareJSONNumbers compares integers with doubles exactly, so that equality agrees with appendJSONKey.
func compareJSONNumbers(a, b Value) int {
	if a.kind != b.kind && (a.kind == KindFloat || b.kind == KindFloat) {
		da, okA := exactDecimal(a)
		db, okB := exactDecimal(b)
		if okA && okB {
			return compareDecimals(da, db)
		}
	}
	return compareNumbers(a, b)
}

// exactDecimal is the decimal of a number that may equal an integer; false for other doubles.
func exactDecimal(v Value) (Value, bool) {
	if v.kind != KindFloat {
		return v.ToDec(nil), true
	}
	f := v.Float()
	switch {
	case f != math.Trunc(f) || math.Abs(f) >= 1<<64: // no integer equals it
		return v, false
	case f < 0:
		return decFromDigits(true, strconv.AppendUint(nil, uint64(-f), 10), 0), true
	}
	return decimalFromUint(uint64(f)), true
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareMembers orders objects by their size, then keys, then values: MySQL promises only which of them are equal.
func (n *jsonNode) compareMembers(o *jsonNode) int {
	if d := cmp.Compare(len(n.members), len(o.members)); d != 0 {
		return d
	}
	for i := range n.members {
		if d := compareJSONKeys(n.members[i].key, o.members[i].key); d != 0 {
			return d
		}
	}
	for i := range n.members {
		if d := n.members[i].value.compare(&o.members[i].value); d != 0 {
			return d
		}
	}
	return 0
}

// appendJSONKey appends bytes that are equal exactly for JSON texts that compare equal.
func appendJSONKey(dst, text []byte) []byte {
	node := jsonNodeOf(JSON(text))
	return node.appendKey(dst)
}

func (n *jsonNode) appendKey(dst []byte) []byte {
	dst = append(dst, byte(n.kind))
	switch n.kind {
	case jsonBool:
		return strconv.AppendBool(dst, n.truth)
	case jsonNum:
		if d, ok := exactDecimal(n.number); ok {
			return HashKey(dst, d, collation.Binary)
		}
		return HashKey(dst, n.number, collation.Binary)
	case jsonString:
		return HashKey(dst, Bytes(n.text), collation.Binary)
	case jsonArray:
		dst = appendUint64(dst, uint64(len(n.items)))
		for i := range n.items {
			dst = n.items[i].appendKey(dst)
		}
	case jsonObject:
		dst = appendUint64(dst, uint64(len(n.members)))
		for i := range n.members {
			dst = HashKey(dst, Bytes(n.members[i].key), collation.Binary)
			dst = n.members[i].value.appendKey(dst)
		}
	}
	return dst
}
