package expr

import (
	"encoding/binary"
	"fmt"

	"cloudsql/storage/collation"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
	"cloudsql/storage/wire"
)

// The portable form of an aggregate:
//
//	agg  version name distinct count expr… count (expr desc)… separator maxLen type collation

// EncodeAgg and DecodeAgg carry an aggregate in a fragment.
func EncodeAgg(dst []byte, a *Agg, env *Env, v version.Version) ([]byte, error) {
	if err := version.Check(a.Since(), v, a.Name); err != nil {
		return nil, err
	}
	dst = wire.AppendString(append(dst, codecVersion), a.Name)
	dst = wire.AppendBool(dst, a.Distinct)
	dst = binary.AppendUvarint(dst, uint64(len(a.Args)))
	var err error
	for _, e := range a.Args {
		if dst, err = Encode(dst, e, env, v); err != nil {
			return nil, err
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.OrderBy)))
	for _, k := range a.OrderBy {
		if dst, err = Encode(dst, k.Expr, env, v); err != nil {
			return nil, err
		}
		dst = wire.AppendBool(dst, k.Desc)
	}
	dst = wire.AppendString(dst, a.Separator)
	dst = binary.AppendUvarint(dst, uint64(max(a.MaxLen, 0)))
	dst = types.AppendType(dst, &a.Typ)
	return binary.AppendUvarint(dst, uint64(a.coll)), nil
}

// DecodeAgg reads what EncodeAgg wrote.
func DecodeAgg(src []byte) (a *Agg, rest []byte, err error) {
	r := wire.NewReader(src)
	if v := r.Byte(); r.Err() == nil && v != codecVersion {
		return nil, nil, fmt.Errorf("expr: an aggregate's format version %d is %w", v, wire.ErrUnknown)
	}
	a = &Agg{Name: r.String(), Distinct: r.Bool()}
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		a.Args = append(a.Args, decodeExpr(r))
	}
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		k := SortKey{Expr: decodeExpr(r)}
		k.Desc = r.Bool()
		a.OrderBy = append(a.OrderBy, k)
	}
	a.Separator, a.MaxLen = r.String(), int(r.Uvarint()&(1<<40-1))
	t, tail, err := types.DecodeType(r.Rest())
	r.SetRest(tail, err)
	a.Typ, a.coll = t, collation.ID(r.Uvarint())
	if r.Err() != nil {
		return nil, nil, r.Err()
	}
	d := aggDefs[a.Name]
	if d == nil {
		return nil, nil, fmt.Errorf("expr: aggregate %q is %w", a.Name, wire.ErrUnknown)
	}
	if len(a.Args) < d.min || d.max >= 0 && len(a.Args) > d.max || !a.coll.Valid() {
		return nil, nil, errBadExpr
	}
	return a, r.Rest(), nil
}

func decodeExpr(r *wire.Reader) Expr {
	e, rest, err := Decode(r.Rest())
	if err == nil && e == nil {
		err = errBadExpr
	}
	r.SetRest(rest, err)
	return e
}
