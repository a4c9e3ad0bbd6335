package expr

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"sync/atomic"

	"github.com/pingcap/tidb/pkg/parser/mysql"
	"vitess.io/vitess/go/mysql/icuregex"

	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Regular expressions are ICU's, as in MySQL 8. Positions count characters.

var regexpDefs = []def{
	{name: "regexp", alias: []string{"rlike"}, min: 2, max: 2, infix: "regexp", typ: typeRegexp(-1, nil), prep: prepRegexp, fn: regexpLike},
	{name: "not regexp", alias: []string{"not rlike"}, min: 2, max: 2, rewrite: negated("regexp")},
	{name: "regexp_like", min: 2, max: 3, op: 2, typ: typeRegexp(2, nil), prep: prepRegexp, fn: regexpLike},
	{name: "regexp_instr", min: 2, max: 6, op: 5, typ: typeRegexp(5, nil), prep: prepRegexp, fn: regexpInstr},
	{name: "regexp_substr", min: 2, max: 5, op: 4, typ: typeRegexp(4, regexpText), prep: prepRegexp, fn: regexpSubstr},
	{name: "regexp_replace", min: 3, max: 6, op: 5, typ: typeRegexp(5, regexpText), prep: prepRegexp, fn: regexpReplace},
}

// MySQL's codes of what ICU complains of.
var regexpErrors = map[icuregex.CompileErrorCode]uint16{
	icuregex.InternalError:           mysqlerr.RegexpInternal,
	icuregex.RuleSyntax:              mysqlerr.RegexpRuleSyntax,
	icuregex.BadEscapeSequence:       mysqlerr.RegexpBadEscape,
	icuregex.PropertySyntax:          mysqlerr.RegexpRuleSyntax,
	icuregex.Unimplemented:           mysqlerr.RegexpUnimplemented,
	icuregex.MismatchedParen:         mysqlerr.RegexpMismatchedParen,
	icuregex.NumberTooBig:            mysqlerr.RegexpBadInterval,
	icuregex.BadInterval:             mysqlerr.RegexpBadInterval,
	icuregex.MaxLtMin:                mysqlerr.RegexpMaxLtMin,
	icuregex.InvalidBackRef:          mysqlerr.RegexpInvalidBackRef,
	icuregex.InvalidFlag:             mysqlerr.RegexpIllegalArgument,
	icuregex.LookBehindLimit:         mysqlerr.RegexpLookBehindLimit,
	icuregex.MissingCloseBracket:     mysqlerr.RegexpMissingCloseBracket,
	icuregex.InvalidRange:            mysqlerr.RegexpInvalidRange,
	icuregex.PatternTooBig:           mysqlerr.RegexpPatternTooBig,
	icuregex.InvalidCaptureGroupName: mysqlerr.RegexpInvalidCaptureGroupName,
}

// isRegexp tells the functions of this file from others.
func isRegexp(c *Call) bool { return strings.HasPrefix(c.def.name, "regexp") }

func regexpText(c *Call) error { return c.setStringResult(charLen(c.args[0].Type()), c.args[0]) }

func typeRegexp(_ int, result func(*Call) error) func(*Call) error {
	return func(c *Call) error {
		if err := noMixedBytes(c); err != nil {
			return err
		}
		c.typ = types.TypeBool
		if c.name == "regexp_instr" {
			c.typ = intType(11, false)
		}
		if result != nil {
			if err := result(c); err != nil {
				return err
			}
		}
		o, err := mergeAll(c.name, true, c.args[:2])
		c.coll = o.coll
		if o.deriv >= derivNumeric {
			c.coll = collation.Default
		}
		if err == nil {
			err = reconcile(c, c.args[:2], c.coll)
		}
		if err == nil {
			_, err = c.constPattern()
		}
		return err
	}
}

// noMixedBytes is 3995 for bytes beside characters: what is looked through, the pattern and what replaces it are all the one or the other.
func noMixedBytes(c *Call) error {
	texts := c.args[:2]
	if c.name == "regexp_replace" {
		texts = c.args[:3]
	}
	for i, e := range texts {
		for _, o := range texts[i+1:] {
			if isBinaryString(e) && isCharacters(o) || isCharacters(e) && isBinaryString(o) {
				name := c.name
				if name == "regexp" { // the operator is a name for the function
					name = "regexp_like"
				}
				return mysqlerr.New(mysqlerr.CharacterSetMismatch, e.Type().Collation.Name(), o.Type().Collation.Name(), name)
			}
		}
	}
	return nil
}

// isBinaryString tells of a string of bytes. A BLOB, a BINARY column, NULL and a parameter mix with characters.
func isBinaryString(e Expr) bool {
	t := e.Type()
	if k, ok := e.(*Const); ok && k.Val.IsNull() {
		return false
	}
	if _, ok := e.(*Param); ok {
		return false
	}
	blob := t.IsLob() || t.Length > math.MaxUint16 || isColumn(e) && t.ID == mysql.TypeString
	return t.Class() == types.ClassString && t.Collation == collation.Binary && !blob
}

// isCharacters tells of text that is in a character set.
func isCharacters(e Expr) bool {
	t := e.Type()
	return isStringy(t) && t.Class() != types.ClassJSON && t.Class() != types.ClassNull && t.Collation != collation.Binary
}

// prepRegexp compiles a constant pattern with constant flags once. New has refused a bad one; what was decoded with one
// fails where it is evaluated.
func prepRegexp(c *Call) {
	c.aux = new(atomic.Pointer[lastPattern])
	if p, err := c.constPattern(); p != nil && err == nil {
		c.aux = p
	}
}

// constPattern is the compiled form of a constant pattern with constant flags, nil of others.
func (c *Call) constPattern() (*icuregex.Pattern, error) {
	pat, ok := c.constText(1)
	if !ok {
		return nil, nil
	}
	flags := ""
	if i := matchTypeArg(c); i >= 0 {
		if flags, ok = c.constText(i); !ok {
			return nil, nil
		}
	}
	return compileRegexp(c, pat, flags)
}

// matchTypeArg is the index of the match_type argument, -1 without.
func matchTypeArg(c *Call) int {
	if c.op > 0 && c.op < len(c.args) {
		return c.op
	}
	return -1
}

// compileRegexp gives the error of a pattern that is none. The library has patterns that make it panic, the same on each
// replica.
func compileRegexp(c *Call, pat, matchType string) (p *icuregex.Pattern, err error) {
	defer regexpPanic(&err)
	if pat == "" {
		return nil, mysqlerr.New(mysqlerr.RegexpIllegalArgument)
	}
	if patternSteps([]byte(pat)) > maxPatternSteps {
		return nil, mysqlerr.New(mysqlerr.RegexpPatternTooBig)
	}
	var flags icuregex.RegexpFlag
	if caseInsensitive(c.coll) {
		flags |= icuregex.CaseInsensitive
	}
	for _, f := range matchType {
		switch f {
		case 'c':
			flags &^= icuregex.CaseInsensitive
		case 'i':
			flags |= icuregex.CaseInsensitive
		case 'm':
			flags |= icuregex.Multiline
		case 'n':
			flags |= icuregex.DotAll
		case 'u':
			flags |= icuregex.UnixLines
		default:
			return nil, mysqlerr.New(mysqlerr.WrongArguments, c.name)
		}
	}
	p, err = icuregex.CompileString(pat, flags)
	if err == nil && icuregex.NewMatcher(p).GroupCount() > maxGroups {
		err = &icuregex.CompileError{Code: icuregex.PatternTooBig}
	}
	if err != nil {
		return nil, regexpError(err)
	}
	return p, nil
}

// maxGroups is how many groups a pattern may capture. The matcher saves the state of all of them up to 30,000 times; then it
// has counted enough steps (3699), so that no pattern takes for ever.
const maxGroups = 255

// maxPatternSteps is how much work compiling a pattern may be: some 16,000 classes of characters.
const maxPatternSteps = 1 << 30

// patternSteps is how much work it is to compile a pattern: a class of characters is a set of up to all there are.
func patternSteps(pat []byte) int {
	classes := bytes.Count(pat, []byte("[")) + bytes.Count(pat, []byte(`\`))
	return classes<<16 + len(pat)<<4
}

// nextMatch looks for the next match of a pattern.
func nextMatch(m *icuregex.Matcher) (found bool, err error) {
	defer regexpPanic(&err)
	if found, err = m.Find(); err != nil {
		return false, regexpError(err)
	}
	return found, nil
}

// regexpPanic, deferred, makes the library's panic its error 3687.
func regexpPanic(err *error) {
	if recover() != nil {
		*err = mysqlerr.New(mysqlerr.RegexpInternal)
	}
}

func caseInsensitive(coll collation.ID) bool {
	return coll != collation.Binary && !isBinSort(coll) && !strings.Contains(coll.Name(), "_cs")
}

func regexpError(err error) error {
	var ce *icuregex.CompileError
	if errors.As(err, &ce) {
		code := regexpErrors[ce.Code]
		if code == mysqlerr.RegexpRuleSyntax {
			return mysqlerr.New(code, ce.Line, ce.Offset)
		}
		return mysqlerr.New(code)
	}
	var me *icuregex.MatchError
	if errors.As(err, &me) && me.Code == icuregex.TimeOut {
		return mysqlerr.New(mysqlerr.RegexpTimeOut)
	}
	return mysqlerr.New(mysqlerr.RegexpStackOverflow)
}

// lastPattern is the compiled form of the pattern that a call met last, for patterns that come from rows.
type lastPattern struct {
	pat, flags string
	compiled   *icuregex.Pattern
}

// pattern gives the compiled pattern for this row.
func (c *Call) pattern(env *Env, a []types.Value) (*icuregex.Pattern, error) {
	if p, ok := c.aux.(*icuregex.Pattern); ok {
		return p, nil
	}
	if err := env.work(patternSteps(c.text(1, a[1]))); err != nil { // compiled or found: the same on each replica
		return nil, err
	}
	flags := ""
	if i := matchTypeArg(c); i >= 0 {
		flags = string(c.text(i, a[i]))
	}
	pat := string(c.text(1, a[1]))
	cache := c.aux.(*atomic.Pointer[lastPattern])
	if l := cache.Load(); l != nil && l.pat == pat && l.flags == flags {
		return l.compiled, nil
	}
	p, err := compileRegexp(c, pat, flags)
	if err != nil {
		return nil, err
	}
	cache.Store(&lastPattern{pat, flags, p})
	return p, nil
}

func regexpLike(c *Call, env *Env, a []types.Value) (types.Value, error) {
	p, err := c.pattern(env, a)
	if err != nil {
		return types.Null, err
	}
	m := icuregex.NewMatcher(p)
	m.ResetString(string(c.text(0, a[0])))
	found, err := nextMatch(m)
	if err != nil {
		return types.Null, err
	}
	return types.Bool(found), nil
}

// regexpArg is the optional integer argument i.
func regexpArg(env *Env, a []types.Value, i, def int) int {
	if i >= len(a) {
		return def
	}
	n, _ := a[i].ToInt(env.Warn)
	return int(n)
}

// find starts at character position pos (1-based) and gives the matcher at the occurrence-th match.
func (c *Call) find(env *Env, a []types.Value, text []rune, pos, occurrence int) (*icuregex.Matcher, bool, error) {
	p, err := c.pattern(env, a)
	if err != nil {
		return nil, false, err
	}
	if pos < 1 || pos > len(text)+1 {
		return nil, false, mysqlerr.New(mysqlerr.RegexpIndexOutOfBounds)
	}
	m := icuregex.NewMatcher(p)
	m.Reset(text[pos-1:])
	for i := 0; i < max(occurrence, 1); i++ {
		ok, err := nextMatch(m)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			return nil, false, nil
		}
	}
	return m, true, nil
}

func regexpInstr(c *Call, env *Env, a []types.Value) (types.Value, error) {
	pos, occ, ret := regexpArg(env, a, 2, 1), regexpArg(env, a, 3, 1), regexpArg(env, a, 4, 0)
	if ret != 0 && ret != 1 {
		return types.Null, mysqlerr.New(mysqlerr.WrongArguments, "regexp_instr: return_option must be 1 or 0")
	}
	text := []rune(string(c.text(0, a[0])))
	m, ok, err := c.find(env, a, text, pos, occ)
	if err != nil || !ok {
		return types.Int(0), err
	}
	at := m.Start()
	if ret == 1 {
		at = m.End()
	}
	return types.Int(int64(at + pos)), nil
}

func regexpSubstr(c *Call, env *Env, a []types.Value) (types.Value, error) {
	pos, occ := regexpArg(env, a, 2, 1), regexpArg(env, a, 3, 1)
	text := []rune(string(c.text(0, a[0])))
	m, ok, err := c.find(env, a, text, pos, occ)
	if err != nil || !ok {
		return types.Null, err
	}
	from := pos - 1
	return c.str([]byte(string(text[from+m.Start() : from+m.End()]))), nil
}

func regexpReplace(c *Call, env *Env, a []types.Value) (types.Value, error) {
	pos, occ := regexpArg(env, a, 3, 1), regexpArg(env, a, 4, 0)
	text := []rune(string(c.text(0, a[0])))
	repl := []rune(string(c.text(2, a[2])))
	p, err := c.pattern(env, a)
	if err != nil {
		return types.Null, err
	}
	if pos < 1 || pos > len(text)+1 {
		return types.Null, mysqlerr.New(mysqlerr.RegexpIndexOutOfBounds)
	}
	rest := text[pos-1:]
	m := icuregex.NewMatcher(p)
	m.Reset(rest)
	out := append([]rune(nil), text[:pos-1]...)
	done := 0
	for i := 1; ; i++ {
		ok, err := nextMatch(m)
		if err != nil {
			return types.Null, err
		}
		if !ok {
			break
		}
		if occ > 0 && i != occ {
			continue
		}
		out = append(out, rest[done:m.Start()]...)
		if out, err = appendReplacement(out, repl, rest, m); err != nil {
			return types.Null, err
		}
		done = m.End()
		if len(out)+len(rest)-done > env.maxPacket() {
			return tooLong(c, env)
		}
		if occ > 0 {
			break
		}
	}
	return c.str([]byte(string(append(out, rest[done:]...)))), nil
}

// appendReplacement fills $n with capture groups; a backslash takes the next character literally.
func appendReplacement(out, repl, text []rune, m *icuregex.Matcher) ([]rune, error) {
	for i := 0; i < len(repl); i++ {
		switch {
		case repl[i] == '\\' && i+1 < len(repl):
			i++
			out = append(out, repl[i])
		case repl[i] == '$' && i+1 < len(repl) && repl[i+1] >= '0' && repl[i+1] <= '9':
			i++
			n := int(repl[i] - '0')
			if n > m.GroupCount() {
				return nil, mysqlerr.New(mysqlerr.RegexpIndexOutOfBounds)
			}
			for i+1 < len(repl) && repl[i+1] >= '0' && repl[i+1] <= '9' && n*10+int(repl[i+1]-'0') <= m.GroupCount() {
				i++
				n = n*10 + int(repl[i]-'0')
			}
			if s, e := m.StartForGroup(n), m.EndForGroup(n); s >= 0 && e >= s {
				out = append(out, text[s:e]...)
			}
		default:
			out = append(out, repl[i])
		}
	}
	return out, nil
}
