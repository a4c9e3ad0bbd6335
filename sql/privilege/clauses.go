package privilege

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/distributed/catalog"
	"cloudsql/sql"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// Clauses of CREATE USER and ALTER USER besides passwords: what connections must be like, and what is noted of an account.

// LoginOf is what logging in to an account needs to know of it.
func LoginOf(u *catalog.User, now time.Time, rules PasswordRules) sql.Account {
	a := sql.Account{
		User: u.Name, Host: u.Host, Plugin: u.Plugin, Secret: u.Secret, Retained: u.Retained, Locked: u.Locked, LoopbackOnly: u.LoopbackOnly,
		Expired: Expired(u, now, rules),
	}
	if u.Require != nil {
		a.Require = sql.Requirement(*u.Require)
	}
	return a
}

// describe takes REQUIRE, COMMENT and ATTRIBUTE.
func describe(u *catalog.User, tls []*ast.AuthTokenOrTLSOption, note *ast.CommentOrAttributeOption) (err error) {
	if len(tls) > 0 {
		u.Require, err = requirementOf(tls)
	}
	if err == nil {
		err = noteAttributes(u, note)
	}
	return err
}

// requirementOf reads REQUIRE: nil for NONE. 1235 for what is not MySQL's.
func requirementOf(options []*ast.AuthTokenOrTLSOption) (*catalog.Requirement, error) {
	var r *catalog.Requirement
	for _, o := range options {
		if o.Type == ast.TlsNone {
			return nil, nil
		}
		if r == nil {
			r = &catalog.Requirement{TLS: true}
		}
		switch o.Type {
		case ast.Ssl:
		case ast.X509:
			r.X509 = true
		case ast.Subject:
			r.Subject = o.Value
		case ast.Issuer:
			r.Issuer = o.Value
		case ast.Cipher:
			r.Cipher = o.Value
		default:
			return nil, mysqlerr.NotSupported("REQUIRE " + o.Type.String())
		}
	}
	return r, nil
}

// requireClause prints REQUIRE.
func requireClause(r *catalog.Requirement) string {
	switch {
	case r == nil:
		return " REQUIRE NONE"
	case r.Specified():
		text := " REQUIRE"
		for _, part := range [][2]string{{"SUBJECT", r.Subject}, {"ISSUER", r.Issuer}, {"CIPHER", r.Cipher}} {
			if part[1] != "" {
				text += " " + part[0] + " " + quoteText(part[1])
			}
		}
		return text
	case r.X509:
		return " REQUIRE X509"
	}
	return " REQUIRE SSL"
}

func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}

// noteAttributes merges what COMMENT or ATTRIBUTE says into an account's attributes, as JSON_MERGE_PATCH does. 3982.
func noteAttributes(u *catalog.User, o *ast.CommentOrAttributeOption) error {
	if o == nil {
		return nil
	}
	patch := map[string]any{"comment": o.Value}
	if o.Type == ast.UserAttributeType {
		patch = nil
		if o.Value != "" && decodeJSON([]byte(o.Value), &patch) != nil || o.Value != "" && patch == nil {
			return mysqlerr.New(mysqlerr.InvalidUserAttributeJSON)
		}
	}
	all := map[string]any{}
	if u.Attributes != "" {
		if err := decodeJSON([]byte(u.Attributes), &all); err != nil {
			return mysqlerr.New(mysqlerr.InvalidUserAttributeJSON)
		}
	}
	text, err := json.Marshal(mergeObjects(all, patch))
	if err != nil {
		return err
	}
	v, err := types.ParseJSON(text) // the order of members, and the blanks, are those of a JSON value
	if err != nil {
		return mysqlerr.New(mysqlerr.InvalidUserAttributeJSON)
	}
	u.Attributes = v.Text()
	return nil
}

func decodeJSON(text []byte, to *map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		return err
	}
	if d.More() {
		return mysqlerr.New(mysqlerr.InvalidUserAttributeJSON)
	}
	return nil
}

// mergeObjects is RFC 7396 for two objects.
func mergeObjects(to, patch map[string]any) map[string]any {
	for name, v := range patch {
		from, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(to, name)
		case isObject:
			old, _ := to[name].(map[string]any)
			if old == nil {
				old = map[string]any{}
			}
			to[name] = mergeObjects(old, from)
		default:
			to[name] = v
		}
	}
	return to
}

// defaultRoleClause prints DEFAULT ROLE.
func defaultRoleClause(u *catalog.User) string {
	if len(u.DefaultRoles) == 0 {
		return ""
	}
	names := make([]string, len(u.DefaultRoles))
	for i, r := range u.DefaultRoles {
		names[i] = idOf(catalog.SplitAccount(r))
	}
	return " DEFAULT ROLE " + strings.Join(names, ",")
}
