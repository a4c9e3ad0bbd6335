package expr

import (
	"slices"
	"strings"
	"time"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// Typing is what variables of a session say about calls that are built: it is part of what is built, and no evaluation asks for it.
// What MySQL's defaults make of a call travels as ever; what other values make of it is of class NeedsSession, so that it stays at the
// gateway or is folded there: a replica that applies it never has to know.
type Typing struct {
	DivIncrement int    // div_precision_increment
	WeekFormat   int    // default_week_format
	Locale       string // lc_time_names
	// Collation is collation_connection (0: MySQL's default): that of text which functions make of what is no text.
	Collation types.Collation
	// Client is character_set_client where its bytes are not those of UTF-8, else 0: what literals behind introducers were written in.
	Client types.Collation
}

// DefaultDivIncrement is MySQL's div_precision_increment.
const DefaultDivIncrement = 4

// DefaultLocale is MySQL's lc_time_names.
const DefaultLocale = "en_US"

// inLocale are the functions with names of months and days, and what they are in another language.
var inLocale = map[string]string{"dayname": "dayname in", "monthname": "monthname in", "date_format": "date_format in"}

// New is New as the session types it; a nil Typing is MySQL's defaults.
func (t *Typing) New(name string, args ...Expr) (Expr, error) {
	switch {
	case t == nil:
	case name == "/" && t.DivIncrement != DefaultDivIncrement:
		return New("/ to", append(slices.Clip(args), NewInt(int64(t.DivIncrement)))...)
	case name == "week" && len(args) == 1 && t.WeekFormat != 0:
		return New("week", args[0], NewInt(int64(t.WeekFormat)))
	case t.Locale != DefaultLocale && inLocale[name] != "" && len(args) == 1+strings.Count(name, "_"):
		return New(inLocale[name], append(slices.Clip(args), NewStr(t.Locale))...)
	}
	e, err := New(name, args...)
	if c, ok := e.(*Call); ok && err == nil && c.connection && t != nil && t.Collation != 0 && t.Collation != types.CollationDefault {
		return New("in collation", c, NewInt(int64(t.Collation)))
	}
	return e, err
}

// Agg sets an aggregate's type as the session has it.
func (t *Typing) Agg(a *Agg) error {
	if t == nil || a.Name != "avg" || t.DivIncrement == DefaultDivIncrement {
		return nil
	}
	a.divIncrement, a.ownIncrement = t.DivIncrement, true
	return typeAvg(a)
}

// increment is how many digits a quotient has more than the dividend.
func (c *Call) increment() int {
	if len(c.args) == 3 {
		if k, ok := c.args[2].(*Const); ok && k.Val.Kind() == types.KindInt {
			return int(min(max(k.Val.Int(), 0), maxScale))
		}
	}
	return DefaultDivIncrement
}

func (a *Agg) increment() int {
	if a.ownIncrement {
		return a.divIncrement
	}
	return DefaultDivIncrement
}

// typeInCollation is text in the connection's collation.
func typeInCollation(c *Call) error {
	coll := types.Collation(0)
	if k, ok := c.args[1].(*Const); ok && k.Val.Kind() == types.KindInt && k.Val.Int() == int64(uint16(k.Val.Int())) { //nolint:gosec // it fits
		coll = types.Collation(k.Val.Int()) //nolint:gosec // it fits
	}
	if !coll.Valid() {
		return mysqlerr.New(mysqlerr.WrongArguments, c.name)
	}
	c.typ, c.coll, c.deriv, c.ascii = *c.args[0].Type(), coll, derivCoercible, true
	c.typ.Collation = coll
	return nil
}

// localeDefs are the functions of inLocale, and others that a session's settings put in the place of what was written; none has a name that a statement can call.
var localeDefs = []def{
	{name: "in collation", min: 2, max: 2, since: version.V2, typ: typeInCollation, render: func(c *Call) string { return c.args[0].String() },
		fn: func(_ *Call, _ *Env, a []types.Value) (types.Value, error) { return a[0], nil }},
	{name: "/ to", min: 3, max: 3, class: NeedsSession, op: opDiv, typ: typeArith, render: renderDivTo,
		fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) { return evalArith(c, env, a[0], a[1]) }},
	{name: "dayname in", min: 2, max: 2, class: NeedsSession, usesNow: true, typ: typeLocale, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		d, ok := calendar(env, a[0])
		if !ok {
			return types.Null, nil
		}
		return c.str([]byte(localeOf(c, a).day(d, false))), nil
	}},
	{name: "monthname in", min: 2, max: 2, class: NeedsSession, usesNow: true, typ: typeLocale, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		d, ok := fuzzy(env, a[0])
		if !ok || d.month == 0 {
			return types.Null, nil
		}
		return c.str([]byte(localeOf(c, a).month(d.month, false))), nil
	}},
	{name: "date_format in", min: 3, max: 3, class: NeedsSession, usesNow: true, typ: typeFormat, fn: func(c *Call, env *Env, a []types.Value) (types.Value, error) {
		d, ok := fuzzy(env, a[0])
		if !ok {
			return types.Null, nil
		}
		out, ok := d.formatIn(nil, string(c.text(1, a[1])), localeOf(c, a))
		if !ok {
			return types.Null, nil
		}
		return c.str(out), nil
	}},
}

// typeLocale is a name of a month or a day in any language.
func typeLocale(c *Call) error {
	c.typ = stringType(30, types.CollationDefault)
	return nil
}

func renderDivTo(c *Call) string { return "(" + c.args[0].String() + " / " + c.args[1].String() + ")" }

// localeOf is the language of a call's last argument.
func localeOf(c *Call, a []types.Value) *Locale {
	last := len(a) - 1
	if l := FindLocale(string(c.text(last, a[last]))); l != nil {
		return l
	}
	return &english
}

// Locale is the names of months and days in a language, as MySQL has them.
type Locale struct {
	Name                  string
	months, days          []string // days from Monday on
	shortMonths, shortDay []string
}

func (l *Locale) month(m int, short bool) string {
	if short {
		return l.shortMonths[m-1]
	}
	return l.months[m-1]
}

func (l *Locale) day(c civil, short bool) string {
	d := weekday(dayNumber(c.year, c.month, c.day), false)
	if short {
		return l.shortDay[d]
	}
	return l.days[d]
}

// FindLocale finds a locale by its name in any case; nil where this program has no names for it.
func FindLocale(name string) *Locale {
	for i := range dateLocales {
		if strings.EqualFold(dateLocales[i].Name, name) {
			return &dateLocales[i]
		}
	}
	return nil
}

var english = func() Locale {
	l := Locale{Name: DefaultLocale}
	for m := time.January; m <= time.December; m++ {
		l.months, l.shortMonths = append(l.months, m.String()), append(l.shortMonths, m.String()[:3])
	}
	for d := 1; d <= 7; d++ {
		name := time.Weekday(d % 7).String()
		l.days, l.shortDay = append(l.days, name), append(l.shortDay, name[:3])
	}
	return l
}()

func locale(name, months, shortMonths, days, shortDays string) Locale {
	return Locale{Name: name, months: strings.Fields(months), shortMonths: strings.Fields(shortMonths), days: strings.Fields(days), shortDay: strings.Fields(shortDays)}
}

func (l Locale) as(name string) Locale { l.Name = name; return l }

// dateLocales are the locales that this program has names for.
var dateLocales = func() []Locale {
	spanish := locale("es_ES", "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
		"ene feb mar abr may jun jul ago sep oct nov dic", "lunes martes miércoles jueves viernes sábado domingo", "lun mar mié jue vie sáb dom")
	chinese := locale("zh_CN", "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月", "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
		"星期一 星期二 星期三 星期四 星期五 星期六 星期日", "一 二 三 四 五 六 日")
	for i, m := range chinese.shortMonths[:9] {
		chinese.shortMonths[i] = " " + m
	}
	return []Locale{
		english, english.as("en_GB"), english.as("en_CA"), english.as("en_AU"), english.as("en_NZ"), english.as("en_IN"), english.as("en_ZA"),
		locale("de_DE", "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
			"Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez", "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag", "Mo Di Mi Do Fr Sa So"),
		locale("fr_FR", "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
			"jan fév mar avr mai jun jui aoû sep oct nov déc", "lundi mardi mercredi jeudi vendredi samedi dimanche", "lun mar mer jeu ven sam dim"),
		spanish, spanish.as("es_MX"), spanish.as("es_AR"),
		locale("it_IT", "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
			"gen feb mar apr mag giu lug ago set ott nov dic", "lunedì martedì mercoledì giovedì venerdì sabato domenica", "lun mar mer gio ven sab dom"),
		locale("nl_NL", "januari februari maart april mei juni juli augustus september oktober november december",
			"jan feb mrt apr mei jun jul aug sep okt nov dec", "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag", "ma di wo do vr za zo"),
		locale("pt_BR", "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
			"Jan Fev Mar Abr Mai Jun Jul Ago Set Out Nov Dez", "segunda terça quarta quinta sexta sábado domingo", "Seg Ter Qua Qui Sex Sáb Dom"),
		locale("sv_SE", "januari februari mars april maj juni juli augusti september oktober november december",
			"jan feb mar apr maj jun jul aug sep okt nov dec", "måndag tisdag onsdag torsdag fredag lördag söndag", "mån tis ons tor fre lör sön"),
		locale("da_DK", "januar februar marts april maj juni juli august september oktober november december",
			"jan feb mar apr maj jun jul aug sep okt nov dec", "mandag tirsdag onsdag torsdag fredag lørdag søndag", "man tir ons tor fre lør søn"),
		locale("pl_PL", "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
			"sty lut mar kwi maj cze lip sie wrz paź lis gru", "poniedziałek wtorek środa czwartek piątek sobota niedziela", "pon wto śro czw pią sob nie"),
		locale("ru_RU", "Января Февраля Марта Апреля Мая Июня Июля Августа Сентября Октября Ноября Декабря",
			"Янв Фев Мар Апр Май Июн Июл Авг Сен Окт Ноя Дек", "Понедельник Вторник Среда Четверг Пятница Суббота Воскресенье", "Пнд Втр Срд Чтв Птн Сбт Вск"),
		locale("ja_JP", "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月", "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
			"月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日", "月 火 水 木 金 土 日"),
		chinese,
	}
}()
