module github.com/plenary/plenary/tools/chart

go 1.26.0

require (
	github.com/yannh/kubeconform v0.8.0 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	helm.sh/helm/v3 v3.22.0 // indirect
)
