package condition

import (
	"cloudsql/sql/show/virtual"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/types"
)

// get is the condition of a number, counted from 1, among those that were kept. 1758.
func (c *List) get(number types.Value) (*virtual.Condition, error) {
	n, over := number.ToUint(nil)
	if number.IsNull() || over || n < 1 || n > uint64(len(c.All)) {
		return nil, mysqlerr.New(mysqlerr.DAInvalidConditionNumber)
	}
	return &c.All[n-1], nil
}

// itemOf is what GET DIAGNOSTICS tells of a condition.
func itemOf(c *virtual.Condition, item string) (types.Value, types.Type) {
	state := c.State
	if state == "" {
		state = mysqlerr.Newf(c.Code, "").State
	}
	text := c.Items[item]
	switch {
	case item == "MYSQL_ERRNO":
		return types.Uint(uint64(c.Code)), types.TypeUint
	case item == "MESSAGE_TEXT":
		text = c.Message
	case item == "RETURNED_SQLSTATE":
		text = state
	case text != "":
	case item == "CLASS_ORIGIN":
		text = origin(standardClass(state))
	case item == "SUBCLASS_ORIGIN":
		text = origin(standardClass(state) || state[2:] == "000")
	}
	return types.Str(text), types.TypeString
}

// standardClass tells whether the class of a SQLSTATE is one of those that the standard keeps for itself.
func standardClass(state string) bool {
	return state[0] >= '0' && state[0] <= '4' || state[0] >= 'A' && state[0] <= 'H'
}

func origin(standard bool) string {
	if standard {
		return "ISO 9075"
	}
	return "MySQL"
}
