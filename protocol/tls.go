package protocol

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cloudsql/sql"
)

// Files in the data directory, named as MySQL names them.
const (
	certFile       = "server-cert.pem"
	certKeyFile    = "server-key.pem"
	privateKeyFile = "private_key.pem"
	publicKeyFile  = "public_key.pem"

	rsaBits       = 2048
	certYears     = 10
	certBackdated = time.Hour // for clients whose clock is behind
)

// LoadTLS reads a certificate chain and its key, both PEM. Clients need TLS 1.2 or newer.
func LoadTLS(cert, key string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s with key %s: %w", cert, key, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// SelfSignedTLS uses the certificate in server-cert.pem and server-key.pem of dir, and makes one there first where
// there is none. It serves clients that want encryption without checking whom they talk to.
func SelfSignedTLS(dir string) (*tls.Config, error) {
	cert, key := filepath.Join(dir, certFile), filepath.Join(dir, certKeyFile)
	if _, err := os.Stat(cert); errors.Is(err, fs.ErrNotExist) {
		if err := makeCertificate(cert, key); err != nil {
			return nil, fmt.Errorf("making a TLS certificate: %w", err)
		}
	}
	return LoadTLS(cert, key)
}

func makeCertificate(certPath, keyPath string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "cloudsql auto-generated server certificate"},
		NotBefore:             now.Add(-certBackdated),
		NotAfter:              now.AddDate(certYears, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The key first: a certificate on disk means that both are there.
	if err := writePEM(keyPath, "PRIVATE KEY", keyDER, 0o600); err != nil {
		return err
	}
	return writePEM(certPath, "CERTIFICATE", der, 0o644)
}

// RSAKey reads the key pair that clients of caching_sha2_password encrypt passwords with where they don't use TLS,
// from private_key.pem in dir, and makes it there first where there is none.
func RSAKey(dir string) (*rsa.PrivateKey, error) {
	path := filepath.Join(dir, privateKeyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeRSAKey(dir)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds no RSA key", path)
	}
	return key, nil
}

func makeRSAKey(dir string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, err
	}
	public, err := publicKeyPEM(key)
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(dir, publicKeyFile), public, 0o644); err != nil {
		return nil, err
	}
	private := x509.MarshalPKCS1PrivateKey(key)
	return key, writePEM(filepath.Join(dir, privateKeyFile), "RSA PRIVATE KEY", private, 0o600)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return writeFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// writeFile writes a file whole or not at all.
func writeFile(path string, content []byte, mode os.FileMode) error {
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, content, mode); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// VerifyClients has clients that show a certificate prove that one of the authorities in a PEM file knows them, for accounts that
// require it.
func VerifyClients(c *tls.Config, authorities string) error {
	text, err := os.ReadFile(authorities) //nolint:gosec // named by the operator
	if err != nil {
		return err
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("no certificate in %s", authorities)
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	return nil
}

// SecureTransport is what an Engine may offer besides: whether it wants no client without TLS.
type SecureTransport interface{ RequiresTLS() bool }

func (s *Server) requiresTLS() bool {
	e, ok := s.engine.(SecureTransport)
	return ok && e.RequiresTLS()
}

// meets tells whether the connection is what an account requires.
func (c *channel) meets(r *sql.Requirement) bool {
	if *r == (sql.Requirement{}) {
		return true
	}
	tc, ok := c.pc.NetConn().(*tls.Conn)
	if !ok {
		return false
	}
	state := tc.ConnectionState()
	if r.Cipher != "" && r.Cipher != opensslCipher(state) {
		return false
	}
	if !r.X509 && r.Subject == "" && r.Issuer == "" {
		return true
	}
	if len(state.VerifiedChains) == 0 {
		return false
	}
	client := state.PeerCertificates[0]
	return (r.Subject == "" || r.Subject == oneLine(client.RawSubject)) && (r.Issuer == "" || r.Issuer == oneLine(client.RawIssuer))
}

// nameParts are the short names that OpenSSL has for parts of names.
var nameParts = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.17": "postalCode", "2.5.4.42": "GN", "2.5.4.43": "initials",
	"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
}

// oneLine prints a name as OpenSSL does: /C=SE/O=MySQL/CN=client.
func oneLine(name []byte) string {
	var list pkix.RDNSequence
	if _, err := asn1.Unmarshal(name, &list); err != nil {
		return ""
	}
	text := ""
	for _, set := range list {
		for _, part := range set {
			kind := part.Type.String()
			if short, ok := nameParts[kind]; ok {
				kind = short
			}
			text += fmt.Sprintf("/%s=%v", kind, part.Value)
		}
	}
	return text
}

// tlsNames gives the connection's TLS version and cipher as OpenSSL, and so SHOW STATUS, spells them; empty without TLS.
func (c *channel) tlsNames() (version, cipher string) {
	tc, ok := c.pc.NetConn().(*tls.Conn)
	if !ok {
		return "", ""
	}
	state := tc.ConnectionState()
	return strings.ReplaceAll(tls.VersionName(state.Version), "TLS 1", "TLSv1"), opensslCipher(state)
}

// opensslCipher turns TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 into ECDHE-RSA-AES128-GCM-SHA256. TLS 1.3's are called the
// same everywhere.
func opensslCipher(state tls.ConnectionState) string {
	name := tls.CipherSuiteName(state.CipherSuite)
	if state.Version >= tls.VersionTLS13 {
		return name
	}
	return strings.NewReplacer("TLS_", "", "_WITH_", "-", "AES_", "AES", "_CBC", "", "_", "-").Replace(name)
}
