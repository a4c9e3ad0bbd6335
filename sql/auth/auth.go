package auth

import (
	"crypto/sha1" //nolint:gosec // for its size: mysql_native_password is defined with it
	"crypto/sha256"
	"crypto/subtle"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	sha2crypt "github.com/pingcap/tidb/pkg/parser/auth"

	"cloudsql/storage/mysqlerr"
)

// The plugins, and the one that an account gets when none is named.
const (
	Sha2    = mysql.AUTH_CACHING_SHA2_PASSWORD
	Native  = mysql.AUTH_NATIVE_PASSWORD
	Default = Sha2
)

// Lengths in bytes.
const (
	MaxPassword = 256 // as MySQL's MAX_PLAINTEXT_LENGTH
	SaltLen     = 20  // of the challenge that a connection is greeted with

	sha2Prefix  = "$A$"
	sha2SaltLen = 20
	sha2HashLen = 43
	sha2Len     = len(sha2Prefix) + 4 + sha2SaltLen + sha2HashLen // "$A$005$" and the rest
)

// Supported tells whether accounts may use the plugin.
func Supported(plugin string) bool { return plugin == Sha2 || plugin == Native }

// Hash makes the secret that is stored for a password; the empty password has the empty secret.
// Errors: 1524 for an unknown plugin, 1827 for a password that is too long.
func Hash(plugin, password string) ([]byte, error) {
	switch {
	case !Supported(plugin):
		return nil, mysqlerr.New(mysqlerr.PluginIsNotLoaded, plugin)
	case password == "":
		return nil, nil
	case len(password) > MaxPassword:
		return nil, mysqlerr.Newf(mysqlerr.PasswordFormat, "The password is longer than %d bytes", MaxPassword)
	case plugin == Native:
		return mysql.NativePasswordHash([]byte(password)), nil
	}
	return []byte(sha2crypt.NewHashPassword(password, Sha2)), nil
}

// CheckPassword compares a password in clear with a secret. For caching_sha2_password it takes a few milliseconds.
func CheckPassword(plugin string, secret []byte, password string) bool {
	if password == "" || len(secret) == 0 || len(password) > MaxPassword {
		return password == "" && len(secret) == 0
	}
	switch plugin {
	case Native:
		return subtle.ConstantTimeCompare(mysql.NativePasswordHash([]byte(password)), secret) == 1
	case Sha2:
		if !validSha2(secret) {
			return false
		}
		// The library's own comparison is of slow, salted hashes: how far they agree tells a guesser nothing.
		ok, err := sha2crypt.CheckHashingPassword(secret, password, Sha2)
		return err == nil && ok
	}
	return false
}

// CheckNative checks a mysql_native_password reply to the challenge salt:
// reply = SHA1(password) XOR SHA1(salt + SHA1(SHA1(password))).
func CheckNative(secret, salt, reply []byte) bool {
	if len(secret) != sha1.Size || len(reply) != sha1.Size {
		return len(secret) == 0 && len(reply) == 0
	}
	return mysql.CompareNativePassword(reply, secret, salt)
}

// Digest is what a server remembers of a password that caching_sha2_password has checked: SHA256(SHA256(password)).
func Digest(password string) [sha256.Size]byte {
	once := sha256.Sum256([]byte(password))
	return sha256.Sum256(once[:])
}

// CheckSha2 checks a caching_sha2_password reply to the challenge salt against a remembered digest:
// reply = SHA256(password) XOR SHA256(digest + salt).
func CheckSha2(digest *[sha256.Size]byte, salt, reply []byte) bool {
	if len(reply) != sha256.Size {
		return false
	}
	mask := sha256.Sum256(append(append(make([]byte, 0, 64), digest[:]...), salt...))
	again := sha256.Sum256(mysql.Xor(mask[:], reply))
	return subtle.ConstantTimeCompare(again[:], digest[:]) == 1
}

// ParseAuthString reads the text form of a secret, as CREATE USER … IDENTIFIED WITH plugin AS 'text' has it.
// Errors: 1524 for an unknown plugin, 1827 for a text that is no secret of the plugin.
func ParseAuthString(plugin, text string) ([]byte, error) {
	switch {
	case !Supported(plugin):
		return nil, mysqlerr.New(mysqlerr.PluginIsNotLoaded, plugin)
	case text == "":
		return nil, nil
	case plugin == Sha2 && validSha2([]byte(text)):
		return []byte(text), nil
	case plugin == Native && len(text) == 1+2*sha1.Size && text[0] == '*':
		if secret, err := mysql.DecodePasswordHex(text); err == nil {
			return secret, nil
		}
	}
	return nil, mysqlerr.New(mysqlerr.PasswordFormat)
}

// FormatAuthString writes a secret as ParseAuthString reads it. A caching_sha2_password secret may hold any 7-bit
// character but '$' and NUL: quote it, or print it as a hexadecimal literal.
func FormatAuthString(plugin string, secret []byte) string {
	if plugin == Native && len(secret) > 0 {
		return mysql.EncodePasswordHex(secret)
	}
	return string(secret)
}

// Decoy is a secret that no password matches, checked at the cost of a real one: for accounts that do not exist.
func Decoy() []byte {
	return []byte(sha2Prefix + "005$" + strings.Repeat("x", sha2SaltLen) + strings.Repeat("/", sha2HashLen))
}

// validSha2 checks the shape of a caching_sha2_password secret: three hex digits of thousands of rounds (5 at least),
// a salt without '$' and NUL, and a hash in crypt's base 64.
func validSha2(secret []byte) bool {
	if len(secret) != sha2Len || string(secret[:3]) != sha2Prefix || secret[6] != '$' {
		return false
	}
	if n, err := strconv.ParseUint(string(secret[3:6]), 16, 16); err != nil || n < 5 {
		return false
	}
	for _, c := range secret[7 : 7+sha2SaltLen] {
		if c == '$' || c == 0 {
			return false
		}
	}
	for _, c := range secret[7+sha2SaltLen:] {
		if !strings.ContainsRune("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", rune(c)) {
			return false
		}
	}
	return true
}
