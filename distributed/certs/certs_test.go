package certs

import (
	"errors"
	"testing"
	"time"
)

func authority(t *testing.T) *Authority {
	t.Helper()
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestFile: what was written is read again, and nothing else is taken.
func TestFile(t *testing.T) {
	a, b := authority(t), authority(t)
	c, err := Issued(a, 7)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.AppendPEM(nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(text)
	if err != nil || back.Node() != 7 {
		t.Fatalf("read again: node %v, %v", back, err)
	}
	own, err := c.Authority.AppendPEM(nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := b.AppendPEM(nil)
	if err != nil {
		t.Fatal(err)
	}
	node := text[:len(text)-len(own)]
	for name, bad := range map[string][]byte{
		"nothing": nil, "half": text[:len(text)/2], "no authority": node, "another authority": append(node[:len(node):len(node)], foreign...),
		"twice": append(text[:len(text):len(text)], own...), "no node": own,
	} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%s was taken for credentials", name)
		}
	}
}

// TestToken: a token lets in where and for as long as it says.
func TestToken(t *testing.T) {
	a, b := authority(t), authority(t)
	now := time.Unix(1_800_000_000, 0)
	token, err := a.Token(now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.CheckToken(token+"\n", now); err != nil {
		t.Error(err)
	}
	if err := a.CheckToken(token, now.Add(time.Hour)); !errors.Is(err, ErrToken) {
		t.Errorf("after its end: %v", err)
	}
	if err := b.CheckToken(token, now); !errors.Is(err, ErrToken) {
		t.Errorf("at another cluster: %v", err)
	}
	for i := range token {
		bad := []byte(token)
		bad[i] ^= 1
		if string(bad) != token && a.CheckToken(string(bad), now) == nil && i < len(token)-1 { // the last digit has spare bits
			t.Errorf("with another byte at %d it is taken", i)
		}
	}
	if _, err := Guest(token[:20]); !errors.Is(err, ErrToken) {
		t.Errorf("half a token: %v", err)
	}
}

// FuzzParse: files and tokens are read without a panic.
func FuzzParse(f *testing.F) {
	a, err := NewAuthority()
	if err != nil {
		f.Fatal(err)
	}
	c, err := Issued(a, 1)
	if err != nil {
		f.Fatal(err)
	}
	text, err := c.AppendPEM(nil)
	if err != nil {
		f.Fatal(err)
	}
	token, err := a.Token(time.Unix(2_000_000_000, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(token))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Parse(b)
		_, _ = Guest(string(b))
		_ = a.CheckToken(string(b), time.Unix(0, 0))
	})
}
