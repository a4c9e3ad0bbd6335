package ddl

import (
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	ptypes "github.com/pingcap/tidb/pkg/parser/types"

	"cloudsql/sql/ddl/names"
	"cloudsql/storage/collation"
	"cloudsql/storage/expr"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// displayWidth is the width that an integer type has when none is given: signed, unsigned.
var displayWidth = map[types.ID][2]int{
	mysql.TypeTiny:     {4, 3},
	mysql.TypeShort:    {6, 5},
	mysql.TypeInt24:    {9, 8},
	mysql.TypeLong:     {11, 10},
	mysql.TypeLonglong: {20, 20},
}

// blobBytes is how much a type of the TEXT and BLOB family holds, smallest first.
var blobBytes = []struct {
	id    types.ID
	bytes int
}{
	{mysql.TypeTinyBlob, 1<<8 - 1}, {mysql.TypeBlob, 1<<16 - 1}, {mysql.TypeMediumBlob, 1<<24 - 1}, {mysql.TypeLongBlob, 1<<32 - 1},
}

// ColumnType is the type that a column's definition says beyond tables; text is the collation of texts that name none.
func ColumnType(def *ast.ColumnDef, text collation.ID) (types.Type, error) {
	return columnType(&Env{SQLMode: mysql.ModeStrictTransTables}, def, text)
}

// columnType makes a column's type of a parsed one. tableCollation is what a string column has by default.
func columnType(env *Env, def *ast.ColumnDef, tableCollation collation.ID) (types.Type, error) {
	name := def.Name.Name.O
	ft := def.Tp
	t := types.Type{
		ID: ft.GetType(), Length: ft.GetFlen(), Decimals: ft.GetDecimal(), Collation: collation.Binary,
		Unsigned: mysql.HasUnsignedFlag(ft.GetFlag()), Zerofill: mysql.HasZerofillFlag(ft.GetFlag()),
	}
	var err error
	switch t.ID {
	case mysql.TypeTiny, mysql.TypeShort, mysql.TypeInt24, mysql.TypeLong, mysql.TypeLonglong:
		err = integerType(&t, name)
	case mysql.TypeFloat, mysql.TypeDouble:
		err = floatType(&t, name)
	case mysql.TypeNewDecimal:
		err = decimalType(&t, name)
	case mysql.TypeBit:
		err = bitType(&t, name)
	case mysql.TypeYear:
		t.Length, t.Decimals = 4, 0 // its values are kept as signed integers; what expressions and clients see is UNSIGNED (bind.OperandType)
	case mysql.TypeDate:
		t.Length, t.Decimals = 10, 0
	case mysql.TypeDatetime, mysql.TypeTimestamp, mysql.TypeDuration:
		err = fractionalType(&t, name)
	case mysql.TypeJSON:
		t = types.TypeJSON
	case mysql.TypeString, mysql.TypeVarchar, mysql.TypeVarString, mysql.TypeTinyBlob, mysql.TypeBlob,
		mysql.TypeMediumBlob, mysql.TypeLongBlob, mysql.TypeEnum, mysql.TypeSet:
		err = stringType(env, &t, def, tableCollation)
	default:
		err = mysqlerr.NotSupported("column type " + ft.String())
	}
	return t, err
}

func integerType(t *types.Type, name string) error {
	if t.Length > maxDisplayWidth {
		return mysqlerr.New(mysqlerr.TooBigDisplaywidth, name, maxDisplayWidth)
	}
	t.Unsigned = t.Unsigned || t.Zerofill
	if t.Length < 0 {
		t.Length = displayWidth[t.ID][0]
		if t.Unsigned {
			t.Length = displayWidth[t.ID][1]
		}
	}
	t.Decimals = 0
	return nil
}

func floatType(t *types.Type, name string) error {
	t.Unsigned = t.Unsigned || t.Zerofill
	if t.Decimals == types.Unspecified {
		if t.Length > 53 {
			return errFieldSpec(name)
		}
		t.Length = 12
		if t.ID == mysql.TypeDouble {
			t.Length = 22
		}
		return nil
	}
	switch {
	case t.Decimals > maxScale:
		return mysqlerr.New(mysqlerr.TooBigScale, t.Decimals, name, maxScale)
	case t.Length > maxDisplayWidth:
		return mysqlerr.New(mysqlerr.TooBigDisplaywidth, name, maxDisplayWidth)
	case t.Length < t.Decimals:
		return mysqlerr.New(mysqlerr.MBiggerThanD, name)
	}
	return nil
}

func decimalType(t *types.Type, name string) error {
	t.Unsigned = t.Unsigned || t.Zerofill
	if t.Decimals < 0 {
		t.Decimals = 0
	}
	if t.Length <= 0 {
		t.Length = 10
	}
	switch {
	case t.Decimals > maxScale:
		return mysqlerr.New(mysqlerr.TooBigScale, t.Decimals, name, maxScale)
	case t.Length > maxPrecision:
		return errTooBigPrecision(t.Length, name, maxPrecision)
	case t.Length < t.Decimals:
		return mysqlerr.New(mysqlerr.MBiggerThanD, name)
	}
	return nil
}

func bitType(t *types.Type, name string) error {
	switch {
	case t.Length < 0:
		t.Length = 1
	case t.Length == 0:
		return mysqlerr.New(mysqlerr.InvalidFieldSize, name)
	case t.Length > maxBitWidth:
		return mysqlerr.New(mysqlerr.TooBigDisplaywidth, name, maxBitWidth)
	}
	t.Decimals, t.Unsigned = 0, true
	return nil
}

func fractionalType(t *types.Type, name string) error {
	t.Decimals = max(t.Decimals, 0)
	if t.Decimals > maxFsp {
		return errTooBigPrecision(t.Decimals, name, maxFsp)
	}
	t.Length = 19
	if t.ID == mysql.TypeDuration {
		t.Length = 10
	}
	if t.Decimals > 0 {
		t.Length += 1 + t.Decimals
	}
	return nil
}

func stringType(env *Env, t *types.Type, def *ast.ColumnDef, tableCollation collation.ID) error {
	name := def.Name.Name.O
	t.Decimals, t.Unsigned, t.Zerofill = 0, false, false
	var err error
	if t.Collation, err = columnCollation(def, tableCollation); err != nil {
		return err
	}
	if t.Collation.Unsorted() {
		return expr.Unsorted(t.Collation)
	}
	switch t.ID {
	case mysql.TypeEnum, mysql.TypeSet:
		return elementsType(env, t, name, def.Tp)
	case mysql.TypeString:
		if t.Length < 0 {
			t.Length = 1
		}
		if t.Length > maxCharLength {
			return mysqlerr.New(mysqlerr.TooBigFieldlength, name, maxCharLength)
		}
	case mysql.TypeVarchar, mysql.TypeVarString:
		t.ID = mysql.TypeVarchar
		return varcharType(env, t, name)
	default:
		if t.Length > maxTextLength {
			return mysqlerr.New(mysqlerr.TooBigDisplaywidth, name, maxTextLength)
		}
		blobType(t)
	}
	return nil
}

// varcharType bounds VARCHAR(n) by the bytes of a row: an error, or a TEXT without strict mode.
func varcharType(env *Env, t *types.Type, name string) error {
	limit := maxStringBytes / t.Collation.MaxBytes()
	if t.Length <= limit {
		return nil
	}
	if env.strict() {
		return mysqlerr.New(mysqlerr.TooBigFieldlength, name, limit)
	}
	from, to := "VARCHAR", "TEXT"
	if t.IsBinary() {
		from, to = "VARBINARY", "BLOB"
	}
	t.ID = mysql.TypeBlob
	blobType(t)
	env.Report("Note", mysqlerr.New(mysqlerr.AutoConvert, name, from, to))
	return nil
}

// blobType gives a TEXT or BLOB its length; with a length given it is the smallest type that holds it.
func blobType(t *types.Type) {
	if t.ID == mysql.TypeBlob && t.Length > 0 {
		need := t.Length * t.Collation.MaxBytes()
		for _, b := range blobBytes {
			if t.ID = b.id; need <= b.bytes {
				break
			}
		}
	}
	for _, b := range blobBytes {
		if b.id == t.ID {
			t.Length = b.bytes
		}
	}
}

// elementsType checks the elements of an ENUM or SET.
func elementsType(env *Env, t *types.Type, name string, ft *ptypes.FieldType) error {
	kind, limit := "ENUM", maxEnumElems
	if t.ID == mysql.TypeSet {
		kind, limit = "SET", maxSetElems
	}
	elems := ft.GetElems()
	if len(elems) > limit {
		if kind == "SET" {
			return mysqlerr.New(mysqlerr.TooBigSet, name)
		}
		return mysqlerr.New(mysqlerr.TooManyEnumElements, name)
	}
	t.Elems = make([]string, 0, len(elems))
	seen := make(map[string]struct{}, len(elems))
	longest, sum := 0, 0
	for i, e := range elems {
		e, err := names.Element(t.Collation, e, ft.GetElemIsBinaryLit(i))
		if err != nil {
			return err
		}
		if kind == "SET" && strings.Contains(e, ",") {
			return mysqlerr.New(mysqlerr.IllegalValueForType, "set", e)
		}
		key := string(t.Collation.SortKey(nil, []byte(e)))
		if _, dup := seen[key]; dup {
			err := mysqlerr.New(mysqlerr.DuplicatedValueInType, name, e, kind)
			if env.strict() {
				return err
			}
			env.Report("Note", err)
		}
		seen[key] = struct{}{}
		chars := utf8.RuneCountInString(e)
		longest, sum = max(longest, chars), sum+chars
		t.Elems = append(t.Elems, e)
	}
	t.Length = longest
	if kind == "SET" {
		t.Length = sum + len(elems) - 1
	}
	return nil
}

// columnCollation resolves CHARACTER SET, COLLATE and BINARY of a string column.
func columnCollation(def *ast.ColumnDef, tableCollation collation.ID) (collation.ID, error) {
	charset, collate := def.Tp.GetCharset(), def.Tp.GetCollate()
	for _, o := range def.Options {
		if o.Tp == ast.ColumnOptionCollate {
			collate = o.StrValue
		}
	}
	c, err := resolveCollation(charset, collate, tableCollation)
	if err != nil {
		return 0, err
	}
	if collate == "" && mysql.HasBinaryFlag(def.Tp.GetFlag()) && c != collation.Binary {
		if bin, ok := collation.BinaryOf(c.Charset()); ok {
			c = bin
		}
	}
	return c, nil
}

// DatabaseCollation is what the options of a CREATE or ALTER DATABASE make of the collation that holds without them.
func DatabaseCollation(options []*ast.DatabaseOption, inherited collation.ID) (collation.ID, error) {
	charset, collate := "", ""
	for _, o := range options {
		switch o.Tp {
		case ast.DatabaseOptionCharset:
			charset = o.Value
		case ast.DatabaseOptionCollate:
			collate = o.Value
		case ast.DatabaseOptionEncryption:
			if strings.EqualFold(o.Value, "Y") {
				return 0, mysqlerr.NotSupported("ENCRYPTION")
			}
		default:
			return 0, mysqlerr.NotSupported("this database option")
		}
	}
	return resolveCollation(charset, collate, inherited)
}

// resolveCollation finds the collation that CHARACTER SET and COLLATE clauses name, either of which may be empty.
// Errors: 1115 unknown character set, 1273 unknown collation, 1253 that do not belong together.
func resolveCollation(charset, collate string, inherited collation.ID) (collation.ID, error) {
	if charset == "" && collate == "" {
		return inherited, nil
	}
	c := inherited
	if charset != "" {
		var ok bool
		if c, ok = collation.DefaultOf(charset); !ok {
			return 0, mysqlerr.New(mysqlerr.UnknownCharacterSet, charset)
		}
	}
	if collate == "" {
		return c, nil
	}
	named, ok := collation.ByName(modernCollation(collate))
	if !ok {
		return 0, mysqlerr.New(mysqlerr.UnknownCollation, collate)
	}
	if charset != "" && named.Charset() != c.Charset() {
		return 0, mysqlerr.New(mysqlerr.CollationCharsetMismatch, named.Name(), c.Charset())
	}
	return named, nil
}

// modernCollation gives the present name of a collation of the charset that used to be called utf8.
func modernCollation(name string) string {
	if len(name) > 5 && strings.EqualFold(name[:5], "utf8_") {
		return "utf8mb3_" + name[5:]
	}
	return name
}
