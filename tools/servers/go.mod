module github.com/plenary/plenary/tools/servers

go 1.26.4

require (
	github.com/plenary/plenary/engine v0.0.0
	github.com/plenary/plenary/topology v0.0.0
)

require go.yaml.in/yaml/v3 v3.0.6 // indirect

replace github.com/plenary/plenary/engine => ../../engine

replace github.com/plenary/plenary/topology => ../../topology
