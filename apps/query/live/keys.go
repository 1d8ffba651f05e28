package live

// The keys of what is looked at.

// OrderKey is that of an order's view.
func OrderKey(tenant, id string) string { return tenant + "/order/" + id }

// ConferenceKey is that of a conference's view.
func ConferenceKey(tenant, id string) string { return tenant + "/conference/" + id }

// CommandKey is that of a command's outcome.
func CommandKey(tenant, id string) string { return tenant + "/command/" + id }
