package es

// CommandRejected records that a business rule refused a command. It is an
// event of the stream the command was for or, when that stream does not exist,
// of a stream of its own named after the command.
type CommandRejected struct {
	CommandID   string `json:"commandId" validate:"required"`
	CommandType string `json:"commandType" validate:"required"`
	Code        Code   `json:"code" validate:"required"`
	Detail      string `json:"detail"`
}

// CommandHadNoEffect records that a command was right but changed nothing, so
// that a client that waits for its outcome learns it.
type CommandHadNoEffect struct {
	CommandID   string `json:"commandId" validate:"required"`
	CommandType string `json:"commandType" validate:"required"`
}
