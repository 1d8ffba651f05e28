module github.com/plenary/plenary/tools/topology

go 1.26.4

require (
	github.com/plenary/plenary/engine v0.0.0
	github.com/plenary/plenary/topology v0.0.0
	go.yaml.in/yaml/v3 v3.0.6
)

replace (
	github.com/plenary/plenary/engine => ../../engine
	github.com/plenary/plenary/topology => ../../topology
)
