package expr

import "cloudsql/storage/types"

var jsonDefs, jsonEditDefs []def

func castJSON(c *Call, env *Env, v types.Value) (types.Value, error) {
	return types.Cast(v, &c.typ, &env.Mode, env.Warn), nil
}

type jsonArrayState struct {
	countState
	agg *Agg
}

func newJSONObjectState(a *Agg) State { return &jsonArrayState{agg: a} }
