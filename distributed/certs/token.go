package certs

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

const (
	tokenPrefix = "csql1"
	tokenSize   = sha256.Size + 8 + sha256.Size
)

// Token lets whoever shows it join until a time.
func (a *Authority) Token(end time.Time) (string, error) {
	f := fingerprint(a.cert)
	b := binary.BigEndian.AppendUint64(f[:], uint64(end.Unix()))
	code, err := a.code(b)
	if err != nil {
		return "", err
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(b, code...)), nil
}

// CheckToken tells whether a token of this authority's holds at a time; the error is an ErrToken.
func (a *Authority) CheckToken(token string, now time.Time) error {
	b, err := decodeToken(token)
	if err != nil {
		return err
	}
	said, end := b[:len(b)-sha256.Size], int64(binary.BigEndian.Uint64(b[sha256.Size:]))
	code, err := a.code(said)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(code, b[len(said):]) != 1 {
		return fmt.Errorf("%w: it is not of this cluster", ErrToken)
	}
	if now.Unix() >= end {
		return fmt.Errorf("%w: it ended at %s", ErrToken, time.Unix(end, 0).UTC().Format(time.RFC3339))
	}
	return nil
}

// code is what only holders of the authority's key can compute.
func (a *Authority) code(said []byte) ([]byte, error) {
	secret, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "cloudsql join token", sha256.Size)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write(said)
	return h.Sum(nil), nil
}

func decodeToken(token string) ([]byte, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(token), tokenPrefix)
	b, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(b) != tokenSize {
		return nil, fmt.Errorf("%w: it is incomplete", ErrToken)
	}
	return b, nil
}

// Guest is for a node that wants to join: it shows no certificate, and takes the one of whoever proves to be of the
// token's cluster. Without a token it takes any, for a member that is reached without leaving the machine.
func Guest(token string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true}
	cfg.InsecureSkipVerify = true // by VerifyConnection, or within the machine
	if token == "" {
		return cfg, nil
	}
	b, err := decodeToken(token)
	if err != nil {
		return nil, err
	}
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		chain := s.PeerCertificates
		if len(chain) != 2 {
			return fmt.Errorf("%w: its authority is missing", ErrStranger)
		}
		f := fingerprint(chain[1])
		if subtle.ConstantTimeCompare(f[:], b[:len(f)]) != 1 {
			return fmt.Errorf("%w that the join token is for", ErrStranger)
		}
		_, err := verify(chain[1], chain[:1])
		return err
	}
	return cfg, nil
}
