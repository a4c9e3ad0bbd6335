package protocol

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // caching_sha2_password encrypts with it
	"crypto/x509"
	"encoding/pem"
	"slices"
	"sync"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
	"cloudsql/sql"
	"cloudsql/sql/auth"
	"cloudsql/storage/collation"
	"cloudsql/storage/mysqlerr"
)

// Bytes of the authentication exchange that go-mysql has no name for, or another one.
const (
	authSwitchRequest = mysql.EOF_HEADER
	authMoreData      = mysql.MORE_DATE_HEADER
	sha2PublicKey     = 0x02 // a client of caching_sha2_password asks for the server's key
)

// authenticate finds the client's account and lets it prove itself, then renews c.info.
//
//	client's reply ── plugin differs? ── AuthSwitchRequest, new reply ──┐
//	              └────────────────────────────────────────────────────┴─ native: check
//	                                                                      sha2: remembered? fast check, 03 │ 04, password
//
// A client whose plugin is right, but was not the greeting's, may have had no challenge to answer: it is switched as
// well. A client without an account proves itself to a decoy, in vain. Errors: 1045, 3118 for a locked account and 1862 for an
// expired password (told only to who knew the password), 1045 for a connection that is not what the account requires, 3955, 1835,
// those of the connection.
func (c *conn) authenticate(r *handshakeResponse) error {
	host, loopback := clientHost(c.nc.RemoteAddr())
	account, known := c.server.engine.Lookup(r.user, host)
	if !known || account.LoopbackOnly && !loopback || !auth.Supported(account.Plugin) {
		known = false
		account = sql.Account{User: r.user, Host: host, Plugin: auth.Default, Secret: auth.Decoy()}
	}
	ok, usedPassword, err := c.proveInTurn(&account, r, host, loopback, known)
	if err != nil {
		return err
	}
	if known {
		if err := c.server.engine.Admit(&account, ok); err != nil {
			c.server.Metrics.AuthFailures.Add(1)
			return err
		}
	}
	if !ok {
		c.server.Metrics.AuthFailures.Add(1)
		c.log.Info("access denied", "user", r.user, "host", host, "password", usedPassword)
		return mysqlerr.New(mysqlerr.AccessDenied, r.user, host, usedPassword)
	}
	if account.Locked {
		c.server.Metrics.AuthFailures.Add(1)
		return mysqlerr.New(mysqlerr.AccountLocked, r.user, host)
	}
	if !c.meets(&account.Require) {
		c.server.Metrics.AuthFailures.Add(1)
		c.log.Info("connection is not what the account requires", "user", r.user, "host", host)
		return mysqlerr.New(mysqlerr.AccessDenied, r.user, host, usedPassword)
	}
	if account.Expired && c.caps&mysql.CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS == 0 {
		return mysqlerr.New(mysqlerr.MustChangePasswordLogin)
	}
	info := *c.info
	info.Account, info.ClientUser, info.DB = account, r.user, r.db
	info.Capabilities, info.Attributes, info.TLS = c.caps, r.attributes, c.tls
	info.TLSVersion, info.TLSCipher = c.tlsNames()
	info.Collation = r.collation
	if r.collation == 0 {
		info.Collation = collation.Default
	}
	c.info = &info
	return nil
}

// proveInTurn is prove for a client that may have failed before: wrong passwords from other machines are slowed down.
func (c *conn) proveInTurn(account *sql.Account, r *handshakeResponse, host string, loopback, known bool) (
	ok bool, used string, err error) {
	if loopback {
		ok, used, err = c.prove(account, r, c.session != nil)
		return ok && known, used, err
	}
	attempt, mayTry := c.server.logins.begin(r.user, host)
	if !mayTry {
		return false, yesNo(r.reply), nil
	}
	ok, used, err = c.prove(account, r, c.session != nil)
	ok = ok && known
	attempt.end(ok) // a client that leaves before it has been answered has failed
	return ok, used, err
}

// prove checks the client's password against account; again tells that this is COM_CHANGE_USER, in which some clients
// answer nothing before they are asked. used is "YES" or "NO": whether the client showed a password.
func (c *conn) prove(account *sql.Account, r *handshakeResponse, again bool) (ok bool, used string, err error) {
	reply := r.reply
	// Without a password there is nothing to prove, whatever the plugin; but a client that names one which is nobody's
	// (libmariadb's dummy_fallback_auth, while it is still loading the right one) waits to be switched.
	if isEmptyReply(reply) && len(account.Secret) == 0 && (r.plugin == "" || auth.Supported(r.plugin)) {
		return true, "NO", nil
	}
	if r.plugin != account.Plugin || account.Plugin != c.server.cfg.DefaultPlugin || again && isEmptyReply(reply) {
		if r.caps&mysql.CLIENT_PLUGIN_AUTH == 0 {
			return false, yesNo(reply), nil
		}
		if reply, err = c.switchPlugin(account.Plugin); err != nil {
			return false, "", err
		}
	}
	used = yesNo(reply)
	switch {
	case isEmptyReply(reply):
		return len(account.Secret) == 0, used, nil
	case account.Plugin == auth.Native:
		return len(account.Secret) > 0 && slices.ContainsFunc(secretsOf(account), func(secret []byte) bool {
			return auth.CheckNative(secret, c.salt[:], reply)
		}), used, nil
	}
	ok, err = c.proveSha2(account, reply)
	return ok, used, err
}

// isEmptyReply tells a client that shows no password: nothing, or a single zero byte.
func isEmptyReply(reply []byte) bool { return len(reply) == 0 || len(reply) == 1 && reply[0] == 0 }

func yesNo(reply []byte) string {
	if isEmptyReply(reply) {
		return "NO"
	}
	return "YES"
}

// switchPlugin asks the client to answer with another plugin. The challenge stays that of the greeting: on
// COM_CHANGE_USER, clients go on with it whatever they are sent.
func (c *conn) switchPlugin(plugin string) ([]byte, error) {
	b := append(c.pc.Begin(), authSwitchRequest)
	b = packet.AppendNul(b, plugin)
	b = append(append(b, c.salt[:]...), 0)
	return c.exchange(b)
}

// exchange sends the packet under construction and reads the client's answer, a copy.
func (c *conn) exchange(b []byte) ([]byte, error) {
	if err := c.pc.End(b); err != nil {
		return nil, err
	}
	if err := c.pc.Flush(); err != nil {
		return nil, err
	}
	answer, err := c.readHandshake()
	return append([]byte(nil), answer...), err
}

// proveSha2 checks caching_sha2_password: against the remembered digest, or else against the password itself.
func (c *conn) proveSha2(account *sql.Account, reply []byte) (bool, error) {
	for _, secret := range secretsOf(account) {
		if digest, ok := c.server.digests.get(secret); ok && auth.CheckSha2(&digest, c.salt[:], reply) {
			return true, c.pc.End(append(c.pc.Begin(), authMoreData, mysql.CACHE_SHA2_FAST_AUTH))
		}
	}
	password, err := c.askPassword()
	if err != nil {
		return false, err
	}
	if len(account.Secret) == 0 { // a password for an account that has none: no cheaper to refuse than another
		_ = auth.CheckPassword(auth.Sha2, auth.Decoy(), password)
		return false, nil
	}
	for _, secret := range secretsOf(account) {
		if auth.CheckPassword(auth.Sha2, secret, password) {
			c.server.digests.put(secret, auth.Digest(password))
			return true, nil
		}
	}
	return false, nil
}

// secretsOf lists what a password may be checked against.
func secretsOf(a *sql.Account) [][]byte {
	if len(a.Retained) == 0 {
		return [][]byte{a.Secret}
	}
	return [][]byte{a.Secret, a.Retained}
}

// askPassword has the client send its password: in clear where nobody can listen, else encrypted.
func (c *conn) askPassword() (string, error) {
	answer, err := c.exchange(append(c.pc.Begin(), authMoreData, mysql.CACHE_SHA2_FULL_AUTH))
	if err != nil {
		return "", err
	}
	if c.secure {
		return cString(answer), nil
	}
	key, err := c.server.rsaKey()
	if err != nil {
		return "", err
	}
	if len(answer) == 1 && answer[0] == sha2PublicKey {
		public, err := publicKeyPEM(key)
		if err != nil {
			return "", err
		}
		if answer, err = c.exchange(append(append(c.pc.Begin(), authMoreData), public...)); err != nil {
			return "", err
		}
	}
	return decryptPassword(key, answer, c.salt[:]), nil
}

// decryptPassword undoes what a client did to its password under the server's public key; what cannot be undone gives
// a password that nobody has.
func decryptPassword(key *rsa.PrivateKey, secret, salt []byte) string {
	clear, err := rsa.DecryptOAEP(sha1.New(), rand.Reader, key, secret, nil) // as the client did
	if err != nil {
		return "\x00"
	}
	return cString(mysql.Xor(clear, salt))
}

// cString drops the zero byte that ends a password.
func cString(b []byte) string {
	if n := len(b); n > 0 && b[n-1] == 0 {
		b = b[:n-1]
	}
	return string(b)
}

func publicKeyPEM(key *rsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// maxDigests bounds the digests remembered; when there are more, all are forgotten.
const maxDigests = 10000

// digestCache remembers passwords that were checked, as auth.Digest, by the secret they were checked against. A
// changed password has another secret, so nothing needs to be dropped for correctness.
type digestCache struct {
	mu sync.RWMutex
	m  map[string][32]byte
}

func (d *digestCache) get(secret []byte) (digest [32]byte, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	digest, ok = d.m[string(secret)]
	return digest, ok && len(secret) > 0
}

func (d *digestCache) put(secret []byte, digest [32]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.m == nil || len(d.m) >= maxDigests {
		d.m = map[string][32]byte{}
	}
	d.m[string(secret)] = digest
}
