package golden

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/fragment"
	"cloudsql/storage/shard"
	"cloudsql/storage/version"
)

const newest = int(version.Max)

func (s *samples) encodeExpr(e expr.Expr, env *expr.Env) ([]byte, error) {
	return expr.Encode(nil, e, env, version.Version(s.version))
}

func (s *samples) encodeAgg(a *expr.Agg, env *expr.Env) ([]byte, error) {
	return expr.EncodeAgg(nil, a, env, version.Version(s.version))
}

func (s *samples) encodeRead(r *fragment.Read) ([]byte, error) {
	return fragment.AppendRead(nil, r, version.Version(s.version))
}

func (s *samples) encodeWrite(w *fragment.Write) ([]byte, error) {
	return fragment.AppendWrite(nil, w, version.Version(s.version))
}

func (s *samples) encodeBatch(b *shard.Batch) []byte {
	data, err := shard.EncodeBatch(nil, b, version.Version(s.version))
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}
