package fragment

import (
	"encoding/binary"
	"sync"

	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/limits"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// JoinKind says what a join gives. The numbers travel between nodes.
type JoinKind uint8

// The kinds. Semi and Anti give rows of the left side only.
const (
	Inner JoinKind = iota
	Left           // rows of the left side without a partner come with NULLs
	Semi           // rows of the left side that have a partner
	Anti           // rows of the left side that have none
)

func (k JoinKind) String() string { return [...]string{"inner", "left", "semi", "anti"}[k] }

// Joins tells whether the columns of the right side come behind those of the left.
func (k JoinKind) Joins() bool { return k == Inner || k == Left }

// JoinsSince is since when shards join.
const JoinsSince = version.V2

// Join has each row of a read meet rows of a right side: others that the shard has (Read), or such that came along (Rows). What it gives are
// the rows of the next join, or of the aggregation: the columns so far and, of Inner and Left, those of the right side behind them.
type Join struct {
	Kind JoinKind
	// Read names the rows of another tablet of the shard by Tablet, SchemaVersion, Index, Columns and Filter. A row's partners are those whose
	// keys of Index begin with the values of Keys, which are columns of the same types as the index's.
	Read *Read
	// Rows has the right side instead, whose Keys are RowKeys.
	Rows    *types.Batch
	RowKeys []KeyPart
	Keys    []KeyPart // over the row so far
	On      expr.Expr // over the row so far and the right one: what partners must meet beyond the keys; nil: nothing
	Where   expr.Expr // over the row that the join gives; nil: all

	once  sync.Once
	built any
}

// Width is the number of columns of the right side.
func (j *Join) Width() int {
	if j.Read != nil {
		return len(j.Read.Columns)
	}
	return j.Rows.Width
}

// Built is what make gives, once for all who execute the join: of its Rows by their keys.
func (j *Join) Built(make func() any) any {
	j.once.Do(func() { j.built = make() })
	return j.built
}

// KeyPart computes one component of a hash key. Values that compare as doubles are turned into them.
type KeyPart struct {
	Expr      expr.Expr
	Collation collation.ID
	AsFloat   bool
	NullSafe  bool // <=>: NULL equals NULL
}

// AppendKey appends the hash key of row; ok is false where a NULL cannot match anything.
func AppendKey(dst []byte, env *expr.Env, parts []KeyPart, row []types.Value) (key []byte, ok bool, err error) {
	for i := range parts {
		p := &parts[i]
		v, err := p.Expr.Eval(env, row)
		if err != nil {
			return dst, false, err
		}
		switch {
		case v.IsNull() && !p.NullSafe:
			return dst, false, nil
		case p.AsFloat && !v.IsNull():
			v = types.Float(v.ToFloat(env.Warn))
		}
		dst = types.HashKey(dst, v, p.Collation)
	}
	return dst, true, nil
}

// Bits of a join's options.
const (
	joinsRows = 1 << iota
	joinsOn
	joinsWhere
)

func appendJoins(dst []byte, r *Read, v version.Version) (_ []byte, err error) {
	dst = binary.AppendUvarint(dst, uint64(len(r.Joins)))
	for _, j := range r.Joins {
		dst = append(dst, byte(j.Kind), bit(j.Rows != nil, joinsRows)|bit(j.On != nil, joinsOn)|bit(j.Where != nil, joinsWhere))
		if j.Rows == nil {
			dst, err = AppendRead(dst, j.Read, v)
		} else {
			dst, err = appendKeyParts(appendBatch(dst, j.Rows), j.RowKeys, r.Env, v)
		}
		if err != nil {
			return nil, err
		}
		if dst, err = appendKeyParts(dst, j.Keys, r.Env, v); err != nil {
			return nil, err
		}
		for _, e := range [...]expr.Expr{j.On, j.Where} {
			if e == nil {
				continue
			}
			if dst, err = expr.Encode(dst, e, r.Env, v); err != nil {
				return nil, err
			}
		}
	}
	return dst, nil
}

func readJoin(d *wire.Reader) *Join {
	j := &Join{Kind: JoinKind(d.Byte())}
	options := d.Byte()
	if j.Kind > Anti || options > joinsRows|joinsOn|joinsWhere {
		d.Fail(wire.ErrCorrupt)
		return nil
	}
	if options&joinsRows == 0 {
		j.Read = readRead(d, false)
	} else {
		j.Rows = &types.Batch{}
		readBatch(d, j.Rows, types.DecodeComputed)
		j.RowKeys = readList(d, readKeyPart)
	}
	if j.Keys = readList(d, readKeyPart); j.Rows != nil && len(j.Keys) != len(j.RowKeys) {
		d.Fail(wire.ErrCorrupt)
	}
	if options&joinsOn != 0 {
		j.On = readExpr(d)
	}
	if options&joinsWhere != 0 {
		j.Where = readExpr(d)
	}
	return j
}

// Bits of a key part's options.
const (
	keyAsFloat = 1 << iota
	keyNullSafe
)

func appendKeyParts(dst []byte, list []KeyPart, env *expr.Env, v version.Version) (_ []byte, err error) {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for i := range list {
		p := &list[i]
		dst = append(dst, bit(p.AsFloat, keyAsFloat)|bit(p.NullSafe, keyNullSafe))
		dst = binary.AppendUvarint(dst, uint64(p.Collation))
		if dst, err = expr.Encode(dst, p.Expr, env, v); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func readKeyPart(d *wire.Reader) KeyPart {
	options, coll := d.Byte(), d.Uvarint()
	if options > keyAsFloat|keyNullSafe || coll > limits.Collation {
		d.Fail(wire.ErrCorrupt)
	}
	return KeyPart{Expr: readExpr(d), Collation: collation.ID(coll), AsFloat: options&keyAsFloat != 0, NullSafe: options&keyNullSafe != 0}
}
