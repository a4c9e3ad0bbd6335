package expr

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cloudsql/storage/types"
	"cloudsql/storage/version"
)

// PasswordPolicy is what validate_password asks of passwords.
type PasswordPolicy struct {
	Length, Numbers, MixedCase, Special int
	// Names are those of the session's account, which no password may be, forwards or backwards; nil: it is not looked at.
	Names []string
}

// Strength is VALIDATE_PASSWORD_STRENGTH: 50 for what policy LOW takes, 75 for MEDIUM; 100 for STRONG, which asks for no more, for there is no dictionary.
func (p *PasswordPolicy) Strength(text string) int {
	n := utf8.RuneCountInString(text)
	var numbers, lower, upper, special int
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			numbers++
		case unicode.IsLower(r):
			lower++
		case unicode.IsUpper(r):
			upper++
		default:
			special++
		}
	}
	for _, name := range p.Names {
		if name != "" && (text == name || text == reversed(name)) {
			return 0
		}
	}
	switch {
	case n < 4 && n < p.least():
		return 0
	case n < p.least():
		return 25
	case numbers < p.Numbers || lower < p.MixedCase || upper < p.MixedCase || special < p.Special:
		return 50
	}
	return 100
}

// least is how many characters a password needs: those that are asked for one by one make some.
func (p *PasswordPolicy) least() int { return max(p.Length, p.Numbers+p.Special+2*p.MixedCase) }

func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

var passwordDefs = []def{
	{name: "validate_password_strength", min: 1, max: 1, class: NeedsSession, since: version.V2, typ: typeIntLen(10), f1: passwordStrength},
}

// passwordStrength is 0 where validate_password is not installed, whose variables nobody knows then.
func passwordStrength(c *Call, env *Env, a types.Value) (types.Value, error) {
	if env.Session == nil {
		return types.Null, errNoSession
	}
	p, ok := policyOf(env.Session)
	if text := string(c.text(0, a)); ok && utf8.RuneCountInString(text) >= 4 {
		return types.Int(int64(p.Strength(text))), nil
	}
	return types.Int(0), nil
}

// policyOf reads the variables; false where there are none.
func policyOf(s Session) (p PasswordPolicy, ok bool) {
	for name, to := range map[string]*int{"length": &p.Length, "number_count": &p.Numbers, "mixed_case_count": &p.MixedCase, "special_char_count": &p.Special} {
		v, _, err := s.SysVar("global", "validate_password."+name)
		if err != nil {
			return p, false
		}
		*to = int(v.Uint()) //nolint:gosec // bounded
	}
	if v, _, err := s.SysVar("global", "validate_password.check_user_name"); err == nil && v.Int() != 0 {
		for _, account := range []string{s.User(), s.CurrentUser()} {
			name, _, _ := strings.Cut(account, "@")
			p.Names = append(p.Names, name)
		}
	}
	return p, true
}
