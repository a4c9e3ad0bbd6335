package protocol

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"cloudsql/sql"
	"cloudsql/sql/auth"
)

// authority signs clients' certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.cert = a.sign(t, &x509.Certificate{
		Subject: pkix.Name{Country: []string{"SE"}, Organization: []string{"Test"}, CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil, a.key)
	return a
}

func (a *authority) sign(t *testing.T, c, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(1), time.Unix(0, 0), time.Unix(1<<33, 0)
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// client is a client's TLS with a certificate of the authority's.
func (a *authority) client(t *testing.T) *tls.Config {
	t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c := a.sign(t, &x509.Certificate{Subject: pkix.Name{Country: []string{"SE"}, CommonName: "client"}}, a.cert, key)
	return &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{c.Raw}, PrivateKey: key}}} //nolint:gosec // the server proves nothing here
}

// What REQUIRE asks for is checked when a client logs in.
func TestRequire(t *testing.T) {
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := SelfSignedTLS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyClients(config, file); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*tls.Config{"known": ours.client(t), "unknown": others.client(t)} {
		if err := mysql.RegisterTLSConfig(name, c); err != nil {
			t.Fatal(err)
		}
	}
	engine := newFakeEngine(t)
	const subject, issuer = "/C=SE/CN=client", "/C=SE/O=Test/CN=ours"
	for name, r := range map[string]sql.Requirement{
		"any": {TLS: true}, "x509": {TLS: true, X509: true}, "subject": {TLS: true, Subject: subject},
		"both": {TLS: true, Subject: subject, Issuer: issuer}, "other": {TLS: true, Subject: "/C=SE/CN=other"}, "issuer": {TLS: true, Issuer: "/CN=x"},
		"cipher": {TLS: true, Cipher: "TLS_AES_128_GCM_SHA256"}, "nocipher": {TLS: true, Cipher: "AES"},
	} {
		engine.accounts[name] = sql.Account{User: name, Host: "%", Plugin: auth.Native, Require: r}
	}
	_, addr := startWith(t, Config{TLS: config}, engine)
	may := map[string]string{"any": "skip-verify known", "x509": "known", "subject": "known", "both": "known", "cipher": "skip-verify known",
		"other": "", "issuer": "", "nocipher": ""}
	for name, good := range may {
		for _, how := range []string{"false", "skip-verify", "known"} {
			err := dial(t, name+"@tcp("+addr+")/?tls="+how).Ping()
			switch {
			case slices.Contains(strings.Fields(good), how):
				if err != nil {
					t.Errorf("%s by %s: %v", name, how, err)
				}
			default:
				wantCode(t, err, 1045, "Access denied for user '"+name+"'@'localhost' (using password: NO)")
			}
		}
	}
	// A client that has a certificate of an authority that the server does not know keeps it to itself.
	wantCode(t, dial(t, "x509@tcp("+addr+")/?tls=unknown").Ping(), 1045, "")
}

// secureEngine is one that wants no client without TLS.
type secureEngine struct{ *fakeEngine }

func (secureEngine) RequiresTLS() bool { return true }

func TestRequireSecureTransport(t *testing.T) {
	config, err := SelfSignedTLS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, addr := startWith(t, Config{TLS: config}, secureEngine{newFakeEngine(t)})
	wantCode(t, dial(t, "native:s3cret@tcp("+addr+")/").Ping(), 3159, "")
	if err := dial(t, "native:s3cret@tcp("+addr+")/?tls=skip-verify").Ping(); err != nil {
		t.Error(err)
	}
}
