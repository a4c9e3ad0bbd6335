package expr

import (
	"encoding/binary"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// The keys of a join's one side, as a condition on the rows of the other: those that have no partner are left where they are. It is a
// Bloom filter: a few pass that have none either. Nobody writes such a condition into a statement.
//
//	among keys (value, bits)   the call's collation is the join's; NULL is among no keys
//
// The bits are words of eight bytes, little-endian. A key's hash chooses its word and four bits in it, so that a row costs one look at
// memory.

const keySetCall = "among keys"

// KeySetSince is since when shards know the condition.
const KeySetSince = version.V2

var keySetDefs = []def{
	{name: keySetCall, min: 2, max: 2, since: KeySetSince, typ: notByName, check: checkKeySet, cond: testKeySet,
		render: func(c *Call) string { return "(" + c.args[0].String() + " among keys)" }},
}

// How many keys go into a word: at most one of a hundred others passes; and into the words of a large set, where one of ten does.
const (
	keysPerWord = 4
	mostPerWord = 10
	wordBytes   = 8
	maxKeyWords = 8 << 10 // it travels with each request for a page of rows
)

// KeySet collects the keys.
type KeySet struct {
	bits []byte
	coll collation.ID
	key  []byte
}

// NewKeySet makes a set of up to so many keys; nil where these are too many for one that tells anything.
func NewKeySet(keys int, coll collation.ID) *KeySet {
	if keys > mostPerWord*maxKeyWords {
		return nil
	}
	return &KeySet{bits: make([]byte, wordBytes*min(keys/keysPerWord+1, maxKeyWords)), coll: coll}
}

// Bytes is what it takes.
func (s *KeySet) Bytes() int { return len(s.bits) }

// Add takes in a value.
func (s *KeySet) Add(v types.Value) {
	var h uint64
	h, s.key = types.KeyHash(v, s.coll, s.key)
	word, mask := keyPlace(s.bits, h)
	binary.LittleEndian.PutUint64(word, binary.LittleEndian.Uint64(word)|mask)
}

// Holds is the condition that a value is in the set, which must not change any more.
func (s *KeySet) Holds(e Expr) Expr {
	bits := &Const{Val: types.Bytes(s.bits), Typ: stringType(len(s.bits), collation.Binary)}
	c := &Call{def: registry[keySetCall], name: keySetCall, args: []Expr{e, bits}, typ: types.TypeBool, coll: s.coll, deriv: derivNumeric, ascii: true}
	c.prepare()
	return c
}

// keyPlace is a hash's word, and its bits in there.
func keyPlace(bits []byte, h uint64) (word []byte, mask uint64) {
	i := h >> 32 * uint64(len(bits)/wordBytes) >> 32
	return bits[i*wordBytes:], 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) | 1<<(h>>18&63)
}

func checkKeySet(c *Call) error {
	k, ok := isConst(c.args[1])
	if !ok || k.Val.Kind() != types.KindBytes || len(k.Val.Raw()) == 0 || len(k.Val.Raw())%wordBytes != 0 {
		return errBadExpr
	}
	return nil
}

func testKeySet(c *Call, env *Env, row []types.Value) (tri, error) {
	v, err := eval(c.args[0], env, row)
	if err != nil || v.IsNull() {
		return triFalse, err
	}
	var h uint64
	if k := v.Kind(); k == types.KindInt || k == types.KindUint {
		h, _ = types.KeyHash(v, c.coll, nil)
	} else {
		key := keyPool.Get().(*[]byte)
		h, *key = types.KeyHash(v, c.coll, *key)
		keyPool.Put(key)
	}
	word, mask := keyPlace(c.args[1].(*Const).Val.Raw(), h)
	return triOf(binary.LittleEndian.Uint64(word)&mask == mask), nil
}
