package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"cloudsql/storage/schema"
)

// Errors of checks, to be tested for with errors.Is.
var (
	ErrStranger = errors.New("the certificate is not of this cluster")
	ErrToken    = errors.New("the join token is not valid")
)

// The span in which certificates hold, and the moment for which they are checked.
var (
	validFrom  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	validTo    = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // RFC 5280: no end
	checkedFor = validFrom.AddDate(1, 0, 0)
)

const (
	authorityName = "cloudsql cluster authority"
	nodeUnit      = "cloudsql node"
	serialBits    = 127
)

// Authority signs the certificates of a cluster's nodes.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes one for a new cluster.
func NewAuthority() (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: authorityName}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert, err := sign(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert, key: key}, nil
}

// Issue makes the certificate of a node whose public key is in PKIX form. The result is DER.
func (a *Authority) Issue(node schema.NodeID, public []byte) ([]byte, error) {
	pub, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("a node's public key: %w", err)
	}
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: strconv.FormatUint(uint64(node), 10), OrganizationalUnit: []string{nodeUnit}},
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := sign(template, a.cert, pub, a.key)
	if err != nil {
		return nil, err
	}
	return cert.Raw, nil
}

// Key is a node's key before it has a certificate.
type Key struct{ private *ecdsa.PrivateKey }

// NewKey draws one.
func NewKey() (*Key, error) {
	k, err := newKey()
	if err != nil {
		return nil, err
	}
	return &Key{private: k}, nil
}

// Public is the public half in PKIX form, for Authority.Issue.
func (k *Key) Public() ([]byte, error) { return x509.MarshalPKIXPublicKey(&k.private.PublicKey) }

// Credentials are a member's own certificate and the authority.
type Credentials struct {
	Authority *Authority
	node      tls.Certificate
}

// NewCredentials joins a node's key with the certificate (DER) that the authority issued for it.
func NewCredentials(a *Authority, k *Key, cert []byte) (*Credentials, error) {
	leaf, err := x509.ParseCertificate(cert)
	if err != nil {
		return nil, fmt.Errorf("a node's certificate: %w", err)
	}
	if pub, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || !pub.Equal(&k.private.PublicKey) {
		return nil, errors.New("a node's certificate is of another key")
	}
	if _, err := verify(a.cert, []*x509.Certificate{leaf}); err != nil {
		return nil, err
	}
	// The authority goes along for those who know no more of it than the fingerprint.
	return &Credentials{Authority: a, node: tls.Certificate{
		Certificate: [][]byte{cert, a.cert.Raw}, PrivateKey: k.private, Leaf: leaf,
	}}, nil
}

// Issued is NewCredentials for a node that holds the authority: key and certificate are made here.
func Issued(a *Authority, node schema.NodeID) (*Credentials, error) {
	k, err := NewKey()
	if err != nil {
		return nil, err
	}
	public, err := k.Public()
	if err != nil {
		return nil, err
	}
	cert, err := a.Issue(node, public)
	if err != nil {
		return nil, err
	}
	return NewCredentials(a, k, cert)
}

// Node is whose credentials they are.
func (c *Credentials) Node() schema.NodeID {
	id, _ := nodeOf(c.node.Leaf)
	return id
}

// Server is for accepting connections. Who shows no certificate is let in too, and is nobody (Peer).
func (c *Credentials) Server() *tls.Config {
	cfg := c.config()
	cfg.ClientAuth = tls.RequestClientCert
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return nil
		}
		_, err := verify(c.Authority.cert, s.PeerCertificates)
		return err
	}
	return cfg
}

// Client is for connecting to a member; 0: to any.
func (c *Credentials) Client(want schema.NodeID) *tls.Config {
	cfg := c.config()
	cfg.InsecureSkipVerify = true // by VerifyConnection: names are node ids, not hosts
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		id, err := verify(c.Authority.cert, s.PeerCertificates)
		if err == nil && want != 0 && id != want {
			err = fmt.Errorf("node %d answers for node %d", id, want)
		}
		return err
	}
	return cfg
}

func (c *Credentials) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true, Certificates: []tls.Certificate{c.node}}
}

// Peer is the member at the other end of a connection that Server or Client were used for; false: it showed nothing.
func Peer(s tls.ConnectionState) (schema.NodeID, bool) {
	if len(s.PeerCertificates) == 0 {
		return 0, false
	}
	id, err := nodeOf(s.PeerCertificates[0])
	return id, err == nil
}

// verify checks a chain against the authority and gives the node that it names.
func verify(authority *x509.Certificate, chain []*x509.Certificate) (schema.NodeID, error) {
	if len(chain) == 0 {
		return 0, fmt.Errorf("%w: there is none", ErrStranger)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, CurrentTime: checkedFor, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrStranger, err)
	}
	return nodeOf(chain[0])
}

func nodeOf(cert *x509.Certificate) (schema.NodeID, error) {
	if u := cert.Subject.OrganizationalUnit; len(u) != 1 || u[0] != nodeUnit {
		return 0, fmt.Errorf("%w: it is not a node's", ErrStranger)
	}
	id, err := strconv.ParseUint(cert.Subject.CommonName, 10, 64)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%w: it names no node", ErrStranger)
	}
	return schema.NodeID(id), nil
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func sign(template, parent *x509.Certificate, public any, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, err
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, validFrom, validTo
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// fingerprint is what a token names an authority by.
func fingerprint(authority *x509.Certificate) [sha256.Size]byte { return sha256.Sum256(authority.Raw) }
