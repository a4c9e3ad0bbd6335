package expr

import "cloudsql/storage/types"

// MySQL's JSON functions look at one argument after the other: each is computed and read before the next is computed. So a NULL makes
// those behind it needless, and the first argument that is wrong has the error.

// jsonRole is what an argument of such a function is.
type jsonRole uint8

const (
	roleValue  jsonRole = iota // anything, NULL too
	roleDoc                    // a document; NULL ends the call, as in all roles below
	rolePatch                  // a document or NULL
	rolePath                   // a path
	rolePlain                  // a path without wildcards
	roleChoice                 // 'one' or 'all'
)

// leading has a role for each of the first arguments, and the last one for all that follow.
func leading(roles ...jsonRole) func(int) jsonRole {
	return func(i int) jsonRole { return roles[min(i, len(roles)-1)] }
}

// pathPairs is a document, then pairs of a path and a value.
func pathPairs(i int) jsonRole {
	switch {
	case i == 0:
		return roleDoc
	case i%2 == 1:
		return rolePlain
	}
	return roleValue
}

func evalInOrder(c *Call, env *Env, row []types.Value) (types.Value, error) {
	f := c.def.fn
	if f == nil {
		f = c.def.lax
	}
	if env.Mode.Legacy {
		if c.def.fn == nil {
			return evalLax(c, env, row)
		}
		return evalStrictN(c, env, row)
	}
	lent := argPool.Get().(*[]types.Value)
	vals := (*lent)[:0]
	defer func() { *lent = vals; release(lent) }()
	for i, a := range c.args {
		v, err := eval(a, env, row)
		if role := c.def.order(i); err != nil || v.IsNull() && role != roleValue && role != rolePatch {
			if before := readable(c, env, vals); before != nil {
				err = before
			}
			return types.Null, err
		}
		vals = append(vals, v)
	}
	return c.evalMany(env, f, vals)
}

// readable is what the function says of its first arguments.
func readable(c *Call, env *Env, vals []types.Value) error {
	for i, v := range vals {
		if v.IsNull() {
			continue
		}
		var err error
		switch c.def.order(i) {
		case roleDoc, rolePatch:
			_, err = c.doc(env, i, v)
		case rolePath:
			_, err = c.path(i, v)
		case rolePlain:
			_, err = c.plainPath(i, v)
		case roleChoice:
			_, err = oneOrAll(c, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
