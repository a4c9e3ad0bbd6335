package session

import (
	"strings"
	"testing"
)

// Passwords are held to validate_password's policy while it is installed, and its variables are there as long.
func TestValidatePassword(t *testing.T) {
	e := newTestEngine(t)
	c := connect(t, e, "root", "localhost")
	c.must("create user before identified by 'x'")
	if out := c.query("select @@validate_password.policy"); !strings.Contains(out, "ERROR 1193") {
		t.Error(out)
	}
	if out := c.query("show variables like 'validate%'"); strings.Contains(out, "validate") {
		t.Error(out)
	}
	c.must("select validate_password_strength('N0Tweak$_@123!')")
	c.must("install component 'file://component_validate_password'")
	for _, step := range []struct{ text, want string }{
		{"install component 'file://component_validate_password'", "ERROR 3529"},
		{"install component 'file://component_other'", "ERROR 3529"},
		{"select @@validate_password.length, @@global.validate_password.policy", "8|MEDIUM"},
		{"create user a identified by 'Secret#12'", ""},
		{"create user b", "ERROR 1819 (HY000): Your password does not satisfy the current policy requirements"},
		{"create user b identified by 'Secret#'", "ERROR 1819"},
		{"create user b identified by 'secret#12'", "ERROR 1819"},
		{"create user b identified by 'Secret123'", "ERROR 1819"},
		{"create user b identified by 'Sec#12'", "ERROR 1819"},
		{"alter user a identified by 'weak'", "ERROR 1819"},
		{"set password for a = 'weak'", "ERROR 1819"},
		{"create role r", ""},
		{"create user h identified with mysql_native_password as '*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4'", ""},
		{"create user p identified by random password", "p"},
		{"set global validate_password.number_count = 3", ""},
		{"alter user a identified by 'Secret#12'", "ERROR 1819"},
		{"set global validate_password.number_count = default, global validate_password.special_char_count = 2", ""},
		{"alter user a identified by 'Secret#12'", "ERROR 1819"},
		{"set global validate_password.special_char_count = default, global validate_password.mixed_case_count = 4", ""},
		{"alter user a identified by 'Secret#12'", "ERROR 1819"},
		{"set global validate_password.mixed_case_count = 0, global validate_password.length = 3", ""},
		{"alter user a identified by 's1#'", ""},
		{"set global validate_password.policy = LOW, global validate_password.length = 4, global validate_password.mixed_case_count = default", ""},
		{"alter user a identified by 'root'", "ERROR 1819"},
		{"alter user a identified by 'toor'", "ERROR 1819"},
		{"set global validate_password.check_user_name = off", ""},
		{"alter user a identified by 'toor'", ""},
		{"set global validate_password.policy = default, global validate_password.length = default", ""},
		{"select validate_password_strength('abc'), validate_password_strength('pass'), validate_password_strength('password0000')", "0|25|50"},
		{"select validate_password_strength('PA00wrd!#'), validate_password_strength(null)", "100|NULL"},
		{"set global validate_password.dictionary_file = '/words'", "ERROR 1235"},
		{"uninstall component 'file://component_validate_password'", ""},
		{"uninstall component 'file://component_validate_password'", "ERROR 3537"},
		{"alter user a identified by ''", ""},
		{"select validate_password_strength('PA00wrd!#')", "0"},
		{"set global validate_password.length = 8", "ERROR 1193"},
	} {
		out := c.query(step.text)
		if step.want == "" && strings.Contains(out, "ERROR") || !strings.Contains(out, step.want) {
			t.Errorf("%s: %s, want %s", step.text, out, step.want)
		}
	}
}
