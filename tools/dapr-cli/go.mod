module github.com/plenary/plenary/tools/dapr-cli

go 1.26

require github.com/dapr/cli v1.16.5
require github.com/dapr/components-contrib v1.16.5
