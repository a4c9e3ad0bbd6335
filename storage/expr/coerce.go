package expr

import (
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// derivation is MySQL's coercibility: whose collation wins where strings of different collations meet (the lower).
type derivation uint8

const (
	derivExplicit  derivation = iota // COLLATE clause
	derivNone                        // of two columns with different collations
	derivImplicit                    // column
	derivSysconst                    // USER(), VERSION(), @var
	derivCoercible                   // literal
	derivNumeric                     // a number or date turned into a string
	derivIgnorable                   // NULL
)

// derivUnset in a Const asks for the derivation of a literal. Stored values are the derivation plus one.
const derivUnset derivation = 0

var derivNames = [...]string{"EXPLICIT", "NONE", "IMPLICIT", "SYSCONST", "COERCIBLE", "NUMERIC", "IGNORABLE"}

// strOrigin is where a string's collation comes from.
type strOrigin struct {
	coll  collation.ID
	deriv derivation
	ascii bool // known to hold ASCII only
}

func originOf(e Expr) strOrigin {
	switch e.Type().Class() {
	case types.ClassBit:
		return strOrigin{collation.Binary, derivImplicit, false}
	case types.ClassJSON:
		return strOrigin{collation.UTF8MB4Bin, derivImplicit, false}
	}
	switch e := e.(type) {
	case *Const:
		return constOrigin(e)
	case *Call:
		if !isStringy(&e.typ) {
			return strOrigin{collation.Default, numericDeriv(&e.typ), true}
		}
		return strOrigin{e.typ.Collation, e.deriv, e.ascii}
	case *Param:
		if isStringy(&e.Typ) {
			return strOrigin{e.Typ.Collation, e.origin() - 1, e.ascii}
		}
		return strOrigin{collation.Default, numericDeriv(&e.Typ), true}
	}
	t := e.Type()
	if !isStringy(t) {
		return strOrigin{collation.Default, numericDeriv(t), true}
	}
	if c, ok := e.(*Column); ok && c.deriv != derivUnset {
		return strOrigin{t.Collation, c.deriv - 1, c.ascii}
	}
	return strOrigin{t.Collation, derivImplicit, isASCIISet(t.Collation)}
}

// Undecided tells whether e is of columns with collations of which neither wins.
func Undecided(e Expr) bool { return originOf(e).deriv == derivNone }

func numericDeriv(t *types.Type) derivation {
	if t.Class() == types.ClassNull {
		return derivIgnorable
	}
	return derivNumeric
}

func constOrigin(k *Const) strOrigin {
	if k.Val.IsNull() && k.deriv == derivUnset {
		return strOrigin{collation.Binary, derivIgnorable, true}
	}
	if !isStringy(&k.Typ) {
		return strOrigin{collation.Default, derivNumeric, true}
	}
	d := derivCoercible
	if k.deriv != derivUnset {
		d = k.deriv - 1
	}
	return strOrigin{k.Typ.Collation, d, isASCII(k.Val.Raw())}
}

// isStringy tells whether values of t are strings with a collation of their own.
func isStringy(t *types.Type) bool {
	switch t.Class() {
	case types.ClassString, types.ClassEnum, types.ClassSet, types.ClassJSON:
		return true
	}
	return false
}

func isUnicode(c collation.ID) bool {
	switch c.Charset() {
	case "utf8mb4", "utf8mb3", "utf8", "ucs2", "utf16", "utf16le", "utf32":
		return true
	}
	return false
}

func isBinSort(c collation.ID) bool {
	n := c.Name()
	return len(n) > 4 && n[len(n)-4:] == "_bin"
}

// superset tells whether l's character set holds all of r's text, so that r converts without loss.
func superset(l, r strOrigin) bool {
	if isUnicode(l.coll) && (l.deriv < r.deriv || l.deriv == r.deriv &&
		(!isUnicode(r.coll) || l.coll.Charset() == "utf8mb4" && r.coll.Charset() != "utf8mb4")) {
		return true
	}
	return r.ascii && (l.deriv < r.deriv || l.deriv == r.deriv && !l.ascii)
}

// merge is the rule of MySQL's DTCollation: which of two origins a common collation comes from. ok is false where none
// can be chosen.
func merge(a, b strOrigin) (m strOrigin, ok bool) {
	ascii := a.ascii && b.ascii
	defer func() { m.ascii = ascii }()
	if a.coll == b.coll {
		a.deriv = min(a.deriv, b.deriv)
		return a, true
	}
	if a.coll.Charset() != b.coll.Charset() {
		return mergeCharsets(a, b)
	}
	switch {
	case a.deriv < b.deriv:
		return a, true
	case b.deriv < a.deriv:
		return b, true
	case a.deriv == derivExplicit:
		return a, false
	case isBinSort(a.coll):
		return a, true
	case isBinSort(b.coll):
		return b, true
	}
	if bin, found := collation.ByName(a.coll.Charset() + "_bin"); found {
		return strOrigin{coll: bin, deriv: derivNone}, true
	}
	return a, false
}

func mergeCharsets(a, b strOrigin) (strOrigin, bool) {
	switch {
	case a.coll == collation.Binary:
		if a.deriv <= b.deriv {
			return a, true
		}
		return b, true
	case b.coll == collation.Binary:
		if b.deriv <= a.deriv {
			return b, true
		}
		return a, true
	case superset(a, b):
		return a, true
	case superset(b, a):
		return b, true
	case a.deriv < b.deriv && b.deriv >= derivSysconst:
		return a, true
	case b.deriv < a.deriv && a.deriv >= derivSysconst:
		return b, true
	}
	return a, false
}

// mergeAll finds the common collation of several expressions. compare forbids a mere tie (two columns of different
// collations), which is fine for a result but decides no order: error 1267, 1270 or 1271.
func mergeAll(op string, compare bool, args []Expr) (strOrigin, error) {
	if len(args) == 0 {
		return strOrigin{collation.Default, derivCoercible, true}, nil
	}
	m := originOf(args[0])
	for _, a := range args[1:] {
		var ok bool
		if m, ok = merge(m, originOf(a)); !ok {
			return m, illegalMix(op, args)
		}
	}
	if compare && m.deriv == derivNone || !merges(m, args) {
		return m, illegalMix(op, args)
	}
	if compare && m.coll.Unsorted() {
		return m, Unsorted(m.coll)
	}
	if m.deriv == derivIgnorable {
		m.coll = collation.Binary
	}
	return m, nil
}

func illegalMix(op string, args []Expr) error {
	var o []strOrigin
	for _, a := range args {
		o = append(o, originOf(a))
	}
	name := func(i int) (string, string) { return o[i].coll.Name(), derivNames[o[i].deriv] }
	switch len(o) {
	case 2:
		c1, d1 := name(0)
		c2, d2 := name(1)
		return mysqlerr.New(mysqlerr.CantAggregate2collations, c1, d1, c2, d2, op)
	case 3:
		c1, d1 := name(0)
		c2, d2 := name(1)
		c3, d3 := name(2)
		return mysqlerr.New(mysqlerr.CantAggregate3collations, c1, d1, c2, d2, c3, d3, op)
	}
	return mysqlerr.New(mysqlerr.CantAggregateNcollations, op)
}

// setStringResult gives c the string type of length characters whose collation comes from the given arguments.
func (c *Call) setStringResult(length int, from ...Expr) error {
	o, err := mergeAll(c.name, false, from)
	if err != nil {
		return err
	}
	if o.deriv == derivNumeric { // numbers as text are in the connection's character set; NULL alone stays bytes
		o.coll, o.deriv, c.connection = collation.Default, derivCoercible, o.ascii
	}
	c.typ, c.coll, c.deriv, c.ascii = stringType(length, o.coll), o.coll, o.deriv, o.ascii
	return reconcile(c, from, o.coll)
}
