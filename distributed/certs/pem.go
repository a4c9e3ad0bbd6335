package certs

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
)

// AppendPEM writes an authority with its key: what a node that was let in is given.
func (a *Authority) AppendPEM(dst []byte) ([]byte, error) { return appendPair(dst, a.cert.Raw, a.key) }

// AppendPEM writes the credentials as their file has them.
func (c *Credentials) AppendPEM(dst []byte) ([]byte, error) {
	dst, err := appendPair(dst, c.node.Leaf.Raw, c.node.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return nil, err
	}
	return c.Authority.AppendPEM(dst)
}

// ParseAuthority reads what Authority.AppendPEM wrote.
func ParseAuthority(text []byte) (*Authority, error) {
	cert, key, rest, err := cutPair(text)
	if err != nil {
		return nil, fmt.Errorf("a cluster's authority: %w", err)
	}
	if len(rest) > 0 || !cert.IsCA {
		return nil, errors.New("a cluster's authority: that is something else")
	}
	return &Authority{cert: cert, key: key}, nil
}

// Parse reads what Credentials.AppendPEM wrote.
func Parse(text []byte) (*Credentials, error) {
	cert, key, rest, err := cutPair(text)
	if err != nil {
		return nil, fmt.Errorf("a node's certificate: %w", err)
	}
	a, err := ParseAuthority(rest)
	if err != nil {
		return nil, err
	}
	return NewCredentials(a, &Key{private: key}, cert.Raw)
}

func appendPair(dst, cert []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	dst = append(dst, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: cert})...)
	return append(dst, pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der})...), nil
}

func cutPair(text []byte) (*x509.Certificate, *ecdsa.PrivateKey, []byte, error) {
	first, rest := pem.Decode(text)
	if first == nil || first.Type != pemCertificate {
		return nil, nil, nil, errors.New("there is no certificate")
	}
	second, rest := pem.Decode(rest)
	if second == nil || second.Type != pemKey {
		return nil, nil, nil, errors.New("there is no key")
	}
	cert, err := x509.ParseCertificate(first.Bytes)
	if err != nil {
		return nil, nil, nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(second.Bytes)
	if err != nil {
		return nil, nil, nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if pub, same := cert.PublicKey.(*ecdsa.PublicKey); !ok || !same || !pub.Equal(&key.PublicKey) {
		return nil, nil, nil, errors.New("key and certificate do not belong together")
	}
	return cert, key, rest, nil
}
