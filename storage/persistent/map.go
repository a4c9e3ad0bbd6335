package persistent

import (
	"cmp"
	"iter"
	"sync"

	"github.com/tidwall/btree"
)

// Map is an ordered map. Safe for readers and Clone at once; who changes it must be alone with it.
type Map[K cmp.Ordered, V any] struct {
	cloning sync.Mutex // a tree that is copied is marked as one that shares its nodes
	tree    btree.Map[K, V]
}

// New makes an empty map.
func New[K cmp.Ordered, V any]() *Map[K, V] { return &Map[K, V]{} }

// Clone gives a map of the same content; what is done to either does not show in the other.
func (m *Map[K, V]) Clone() *Map[K, V] {
	if m == nil {
		return New[K, V]()
	}
	m.cloning.Lock()
	defer m.cloning.Unlock()
	return &Map[K, V]{tree: *m.tree.Copy()}
}

// Len is the number of keys.
func (m *Map[K, V]) Len() int {
	if m == nil {
		return 0
	}
	return m.tree.Len()
}

// Get finds a key's value.
func (m *Map[K, V]) Get(k K) (V, bool) {
	if m == nil {
		var none V
		return none, false
	}
	return m.tree.Get(k)
}

// Set gives a key a value.
func (m *Map[K, V]) Set(k K, v V) { m.tree.Set(k, v) }

// Delete removes a key, if it is there.
func (m *Map[K, V]) Delete(k K) {
	if _, is := m.tree.Get(k); is { // the way to a key that is not there would be copied in vain
		m.tree.Delete(k)
	}
}

// All are the keys and values in order.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if m != nil {
			m.tree.Scan(yield)
		}
	}
}

// From are the keys and values at and above a key, in order.
func (m *Map[K, V]) From(first K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if m != nil {
			m.tree.Ascend(first, yield)
		}
	}
}

// First is the least key with its value.
func (m *Map[K, V]) First() (k K, v V, ok bool) {
	if m == nil {
		return k, v, false
	}
	return m.tree.Min()
}

// Keys lists the keys in order.
func (m *Map[K, V]) Keys() []K {
	if m == nil {
		return nil
	}
	return m.tree.Keys()
}

// Values lists the values in the order of their keys.
func (m *Map[K, V]) Values() []V {
	if m == nil {
		return nil
	}
	return m.tree.Values()
}
