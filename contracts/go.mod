module github.com/plenary/plenary/contracts

go 1.26.4

require (
	github.com/bojanz/currency v1.4.2
	github.com/google/uuid v1.6.0
	github.com/plenary/plenary/engine v0.0.0
	github.com/rivo/uniseg v0.4.7
	golang.org/x/net v0.61.0
	golang.org/x/text v0.43.0
)

require (
	github.com/cloudevents/sdk-go/v2 v2.16.2 // indirect
	github.com/cockroachdb/apd/v3 v3.2.1 // indirect
	github.com/gabriel-vasile/mimetype v1.4.16 // indirect
	github.com/go-playground/locales v0.14.2 // indirect
	github.com/go-playground/universal-translator v0.18.2 // indirect
	github.com/go-playground/validator/v10 v10.30.6 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/leodido/go-urn v1.5.0 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.2 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/plenary/plenary/engine => ../engine
