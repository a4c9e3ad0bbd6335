package scalar

// OrderCol is one column of an order.
type OrderCol struct {
	ID   int
	Desc bool
}

// CoversOrder tells whether rows in the order have come in the required one.
func CoversOrder(have, want []OrderCol) bool {
	if len(have) < len(want) {
		return false
	}
	for i := range want {
		if have[i] != want[i] {
			return false
		}
	}
	return true
}
