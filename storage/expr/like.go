package expr

import (
	"bytes"
	"unicode/utf8"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

var likeDefs = []def{
	// like(s, pattern [, escape]): escape is a constant of at most one character, '\' where it is absent.
	{name: "like", min: 2, max: 3, typ: typeLike, prep: prepLike, ev: evalLike, render: renderLike},
	{name: "not like", min: 2, max: 3, rewrite: negated("like")},
}

func typeLike(c *Call) error {
	c.typ = types.TypeBool
	if len(c.args) == 3 {
		esc, ok := c.constText(2)
		if k, isK := isConst(c.args[2]); isK && k.Val.IsNull() {
			ok = true
		}
		if !ok || utf8.RuneCountInString(esc) > 1 {
			return mysqlerr.New(mysqlerr.WrongArguments, "ESCAPE")
		}
	}
	o, err := mergeAll("like", true, c.args[:2])
	if err != nil {
		return err
	}
	c.coll = o.coll
	if o.deriv >= derivNumeric {
		c.coll = collation.Default
	}
	return reconcile(c, c.args[:2], c.coll)
}

// likePlan is what prepLike learns of a constant pattern.
type likePlan struct {
	escape rune
	// literal is set for a pattern that is literal text, or literal text and a final %, under a collation where bytes
	// decide: the match is a byte comparison then.
	literal []byte
	prefix  bool
	exact   bool
}

func prepLike(c *Call) {
	p := &likePlan{escape: '\\'}
	if esc, ok := c.constText(2); ok {
		p.escape = 0
		if esc != "" {
			p.escape, _ = utf8.DecodeRuneInString(esc)
		}
	}
	if pat, ok := c.constText(1); ok && (c.coll == collation.Binary || isBinSort(c.coll)) {
		p.exact, p.prefix, p.literal = literalPattern([]byte(pat), p.escape)
	}
	c.aux = p
}

// literalPattern splits a pattern without wildcards but for one final %.
func literalPattern(pat []byte, escape rune) (exact, prefix bool, lit []byte) {
	if escape != 0 && bytes.ContainsRune(pat, escape) {
		return false, false, nil
	}
	i := bytes.IndexAny(pat, "%_")
	switch {
	case i < 0:
		return true, false, pat
	case i == len(pat)-1 && pat[i] == '%':
		return false, true, pat[:i]
	}
	return false, false, nil
}

func evalLike(c *Call, env *Env, row []types.Value) (types.Value, error) {
	s, err := eval(c.args[0], env, row)
	if err != nil || s.IsNull() {
		return types.Null, err
	}
	pat, err := eval(c.args[1], env, row)
	if err != nil || pat.IsNull() {
		return types.Null, err
	}
	p := c.aux.(*likePlan)
	text := c.text(0, s)
	switch {
	case p.exact:
		return types.Bool(bytes.Equal(text, p.literal)), nil
	case p.prefix:
		return types.Bool(bytes.HasPrefix(text, p.literal)), nil
	}
	pattern := c.text(1, pat)
	if len(text)*len(pattern) < workUnit {
		return types.Bool(c.coll.Like(text, pattern, p.escape)), nil
	}
	found, err := c.coll.LikeWithin(text, pattern, p.escape, env.meter().collate)
	return types.Bool(found), err
}

func renderLike(c *Call) string {
	s := "(" + c.args[0].String() + " like " + c.args[1].String()
	if len(c.args) == 3 {
		s += " escape " + c.args[2].String()
	}
	return s + ")"
}

// LikeEscape gives the escape character of a call of like, 0 for none.
func LikeEscape(c *Call) rune {
	if p, ok := c.aux.(*likePlan); ok {
		return p.escape
	}
	return 0
}
