package expr

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/storage/collation"
	"cloudsql/storage/conversion"
	"cloudsql/storage/limits"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// JSON_VALUE(doc, path RETURNING type … ON EMPTY … ON ERROR). The call's type is the one that is returned; its arguments are the
// document, the path, and for each of the two cases what is answered and the default's value:
//
//	json value(doc, path, on empty, default, on error, default)

const jsonValueCall = "json value"

// jsonAnswer is what JSON_VALUE answers where there is no value, or one that is none of the type.
type jsonAnswer int64

const (
	answerNull jsonAnswer = iota
	answerError
	answerDefault
)

var jsonValueDefs = []def{
	{name: jsonValueCall, min: 6, max: 6, since: version.V2, typ: notByName, prep: prepPaths(1, 2), check: checkJSONValue,
		lax: evalJSONValue, render: renderJSONValue},
}

// JSONResponse is NULL, ERROR or DEFAULT … ON EMPTY or ON ERROR; the zero value is NULL.
type JSONResponse struct {
	Error   bool
	Default *Const
}

// JSONValueType is what JSON_VALUE returns without RETURNING.
var JSONValueType = stringType(512, jsonTextCollation)

// jsonTextCollation is the collation of strings out of documents.
var jsonTextCollation = mustCollation("utf8mb4_0900_bin")

func mustCollation(name string) collation.ID {
	c, ok := collation.ByName(name)
	if !ok {
		panic("expr: no collation " + name)
	}
	return c
}

// NewJSONValue builds JSON_VALUE that returns a value of type t.
func NewJSONValue(doc, path Expr, t types.Type, onEmpty, onError JSONResponse) (Expr, error) {
	if t.Class() == types.ClassString && t.Length < 0 {
		t = stringType(limits.TypeLength, t.Collation)
	}
	c := &Call{def: registry[jsonValueCall], name: jsonValueCall, args: []Expr{doc, path}, typ: t, coll: t.Collation, deriv: derivImplicit}
	for _, r := range []JSONResponse{onEmpty, onError} {
		if err := addResponse(c, r); err != nil {
			return nil, err
		}
	}
	if s, ok := c.constText(1); ok {
		if _, err := parsePath([]byte(s)); err != nil {
			return nil, err
		}
	}
	if err := refuseRows(c.def, c.args); err != nil {
		return nil, err
	}
	c.prepare()
	return c, nil
}

func addResponse(c *Call, r JSONResponse) error {
	answer, value := answerNull, NewNull()
	switch {
	case r.Error:
		answer = answerError
	case r.Default != nil:
		v, err := jsonDefault(r.Default.Val, &c.typ)
		if err != nil {
			return err
		}
		answer, value = answerDefault, &Const{Val: v, Typ: c.typ}
	}
	c.args = append(c.args, NewInt(int64(answer)), value)
	return nil
}

// checkJSONValue wants answers that are constants.
func checkJSONValue(c *Call) error {
	for _, i := range []int{2, 4} {
		if k, ok := isConst(c.args[i]); !ok || k.Val.Kind() != types.KindInt || k.Val.Int() < 0 || k.Val.Int() > int64(answerDefault) {
			return errBadExpr
		}
	}
	return nil
}

func evalJSONValue(c *Call, env *Env, a []types.Value) (types.Value, error) {
	if a[0].IsNull() || a[1].IsNull() {
		return types.Null, nil
	}
	doc, err := env.JSONDocument("json_value", a[0])
	if err != nil {
		if mysqlerr.Code(err) != mysqlerr.InvalidJSONTextInParam || jsonAnswer(a[4].Int()) == answerError {
			return types.Null, err
		}
		if env.Warn != nil {
			env.Warn(mysqlerr.InvalidJSONTextInParam, mysqlerr.From(err).Message)
		}
		return a[5], nil
	}
	p, err := c.path(1, a[1])
	if err != nil {
		return types.Null, err
	}
	var found []JSONNode
	err = (&JSONPath{p}).Find(env, doc, func(n JSONNode) bool {
		found = append(found, n)
		return len(found) < 2
	})
	switch {
	case err != nil:
		return types.Null, err
	case len(found) == 0:
		return answer(a[2:4], mysqlerr.New(mysqlerr.MissingJSONValue, "json_value"))
	case len(found) > 1:
		return answer(a[4:], mysqlerr.New(mysqlerr.MultipleJSONValues, "json_value"))
	}
	v, ok := found[0].as(&c.typ)
	if !ok {
		return answer(a[4:], outOfJSONValue(&c.typ, ""))
	}
	return v, nil
}

// answer is what two arguments say of a case that is err where they say ERROR.
func answer(a []types.Value, err error) (types.Value, error) {
	if jsonAnswer(a[0].Int()) == answerError {
		return types.Null, err
	}
	return a[1], nil
}

// as is the value as one of a type; ok is false where it is none, or does not fit.
func (n JSONNode) as(t *types.Type) (v types.Value, ok bool) {
	tree := n.tree
	switch {
	case t.Class() == types.ClassJSON:
		return tree.value(), true
	case tree.isNull():
		return types.Null, true
	case t.Class() == types.ClassString:
		return fittingString(tree.unquoted(), t)
	case tree.kind == '[' || tree.kind == '{':
		return types.Null, false
	case tree.kind == '"' && t.Class() == types.ClassInt && !isInteger(tree.unquoted()),
		tree.kind != '"' && isTemporalClass(t.Class()):
		return types.Null, false
	}
	if v, ok = n.Scalar(t); !ok || outOfYears(v, t) {
		return types.Null, false
	}
	v, err := conversion.Assign(v, t, "", 1, types.DefaultMode(), nil)
	return v, err == nil
}

// outOfYears tells of a value that is no YEAR: one or two digits are none here.
func outOfYears(v types.Value, t *types.Type) bool {
	return t.ID == mysql.TypeYear && v.ToFloat(nil) < 1901
}

// isInteger tells whether a text is an integer and nothing else.
func isInteger(s []byte) bool {
	text := string(s)
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func fittingString(s []byte, t *types.Type) (types.Value, bool) {
	if t.Collation == collation.Binary {
		return types.Bytes(s), t.Length < 0 || len(s) <= t.Length
	}
	return types.String(s), t.Collation.Has(s) && (t.Length < 0 || utf8.RuneCount(s) <= t.Length)
}

// outOfJSONValue is 1690 for a value, or a DEFAULT, that does not fit.
func outOfJSONValue(t *types.Type, of string) error {
	name := strings.ToUpper(jsonTypeName(t))
	switch {
	case t.ID == mysql.TypeYear:
		of = ""
	case of == "" && t.Class() == types.ClassString:
		name = "STRING"
	case of == "" && t.Class() == types.ClassJSON:
		name = "JSON"
	case of != "" && t.Class() == types.ClassDatetime:
		name = "TIME"
	}
	return mysqlerr.New(mysqlerr.DataOutOfRange, name+of, "json_value")
}

// jsonTypeName is the type's name as CAST has it, without lengths.
func jsonTypeName(t *types.Type) string {
	switch t.ID {
	case mysql.TypeYear:
		return "year"
	case mysql.TypeFloat:
		return "float"
	}
	name, _, _ := strings.Cut(castName(t), "(")
	if name == "binary" {
		return "char"
	}
	return name
}

// jsonDefault is a literal behind DEFAULT as a value of a type.
func jsonDefault(v types.Value, t *types.Type) (types.Value, error) {
	text := v.Kind() == types.KindString || v.Kind() == types.KindBytes
	out := outOfJSONValue(t, " DEFAULT")
	switch t.Class() {
	case types.ClassJSON:
		return parseArg("json_value", 0, v.AppendText(nil, nil))
	case types.ClassString:
		if s, ok := fittingString(v.AppendText(nil, nil), t); ok {
			return s, nil
		}
		return types.Null, out
	case types.ClassDate, types.ClassDatetime, types.ClassTime:
		return temporalDefault(v, t)
	}
	if text && (t.Class() == types.ClassInt && !isInteger(v.Raw()) || !isNumber(v.Raw())) {
		return types.Null, mysqlerr.New(mysqlerr.TruncatedWrongValue, numberName(t), string(v.Raw()))
	}
	lost := false
	d, err := conversion.Assign(v, t, "", 1, types.DefaultMode(), func(uint16, string) { lost = true })
	if err != nil || lost && t.Class() == types.ClassDecimal || outOfYears(v, t) {
		return types.Null, out
	}
	return d, nil
}

func isNumber(s []byte) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(string(s)), 64)
	return err == nil || strings.HasSuffix(err.Error(), strconv.ErrRange.Error())
}

// numberName is what messages about texts call a number of a type.
func numberName(t *types.Type) string {
	switch {
	case t.ID == mysql.TypeYear:
		return "YEAR"
	case t.Class() == types.ClassDecimal:
		return "DECIMAL"
	case t.Class() == types.ClassFloat:
		return "DOUBLE"
	}
	return "INTEGER " + strings.ToUpper(castName(t))
}

func temporalDefault(v types.Value, t *types.Type) (types.Value, error) {
	whole := *t
	if whole.Decimals = 6; t.Class() == types.ClassDate {
		whole.Decimals = 0
	}
	d, err := conversion.Assign(v, &whole, "", 1, types.DefaultMode(), nil)
	if err != nil {
		form := "Incorrect datetime value: '%s'"
		if t.Class() == types.ClassTime {
			form = "Truncated incorrect time value: '%s'"
		}
		return d, mysqlerr.Newf(mysqlerr.TruncatedWrongValue, form, v.AppendText(nil, nil))
	}
	rounded, err := conversion.Assign(d, t, "", 1, types.DefaultMode(), nil)
	if err != nil || types.Compare(rounded, d, collation.Binary) != 0 {
		return d, outOfJSONValue(t, " DEFAULT")
	}
	return rounded, nil
}

func renderJSONValue(c *Call) string {
	name := castName(&c.typ)
	switch {
	case c.typ.ID == mysql.TypeYear || c.typ.ID == mysql.TypeFloat:
		name = jsonTypeName(&c.typ)
	case c.typ.Class() == types.ClassString && c.typ.Collation != collation.Binary && c.typ.Collation != jsonTextCollation:
		name += " charset " + c.typ.Collation.Charset()
	}
	s := "json_value(" + c.args[0].String() + "," + c.args[1].String() + " returning " + name
	for i, on := range []string{" on empty", " on error"} {
		k, ok := isConst(c.args[2+2*i])
		if !ok {
			continue
		}
		switch jsonAnswer(k.Val.Int()) {
		case answerError:
			s += " error" + on
		case answerDefault:
			s += " default " + c.args[3+2*i].String() + on
		}
	}
	return s + ")"
}
