package scalar

import (
	"cloudsql/storage/expr"
	"cloudsql/storage/types"
)

// Propagate adds what equalities imply: a = b AND b = 5 gives a = 5, and a = b AND b = c gives a = c. New conditions
// follow the given ones, of which repetitions are left out.
func Propagate(conds []expr.Expr) ([]expr.Expr, error) {
	var e equalities
	for _, c := range conds {
		if !Contains(e.out, c) {
			e.out = append(e.out, c)
		}
		if eq := AsCall(c, "="); eq != nil {
			e.learn(eq.Args()[0], eq.Args()[1])
		}
	}
	for _, k := range e.constants {
		for _, m := range e.classes[e.classOf(k.col)] {
			if m.Index != k.col.Index {
				if err := e.add(m, k.value); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, l := range e.classes {
		if err := e.addPairs(l); err != nil {
			return nil, err
		}
	}
	return e.out, nil
}

// equalities are classes of columns that are equal, and constants that some of them equal.
type equalities struct {
	classes   [][]*expr.Column
	constants []constantColumn
	out       []expr.Expr
}

type constantColumn struct {
	col   *expr.Column
	value expr.Expr
}

// maxClass is up to how many equal columns are all compared with each other.
const maxClass = 8

// classOf gives the class of a column, a new one where it has none.
func (e *equalities) classOf(c *expr.Column) int {
	for i, l := range e.classes {
		for _, m := range l {
			if m.Index == c.Index {
				return i
			}
		}
	}
	e.classes = append(e.classes, []*expr.Column{c})
	return len(e.classes) - 1
}

// learn takes a = z.
func (e *equalities) learn(a, z expr.Expr) {
	if !SameKey(a.Type(), z.Type()) {
		return
	}
	ac, aCol := a.(*expr.Column)
	zc, zCol := z.(*expr.Column)
	switch {
	case aCol && zCol:
		if i, k := e.classOf(ac), e.classOf(zc); i != k {
			e.classes[i] = append(e.classes[i], e.classes[k]...)
			e.classes = append(e.classes[:k], e.classes[k+1:]...)
		}
	case aCol && Fixed(z):
		e.constants = append(e.constants, constantColumn{ac, z})
	case zCol && Fixed(a):
		e.constants = append(e.constants, constantColumn{zc, a})
	}
}

// add adds a = z unless it is there.
func (e *equalities) add(a, z expr.Expr) error {
	eq, err := expr.New("=", a, z)
	if err != nil {
		return err
	}
	for _, c := range e.out {
		have := AsCall(c, "=")
		if have == nil {
			continue
		}
		x, y := have.Args()[0], have.Args()[1]
		if Same(x, a) && Same(y, z) || Same(x, z) && Same(y, a) {
			return nil
		}
	}
	e.out = append(e.out, eq)
	return nil
}

func (e *equalities) addPairs(class []*expr.Column) error {
	if len(class) > maxClass {
		return nil
	}
	for i := range class {
		for k := i + 1; k < len(class); k++ {
			if err := e.add(class[i], class[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// SameKey tells whether equality between the types is transitive with itself: one class, one collation.
func SameKey(a, b *types.Type) bool {
	ca, cb := a.Class(), b.Class()
	if ca != cb {
		return false
	}
	switch ca {
	case types.ClassInt, types.ClassDecimal, types.ClassDate, types.ClassTime:
		return true
	case types.ClassDatetime:
		return true
	case types.ClassString:
		return a.Collation == b.Collation
	}
	return false
}
