// Package manifests checks what is shipped for others to run: docker-compose.yaml
// by the compose specification's own library, the Kubernetes manifests by
// kustomize's library and the types of their API, and prometheus.yaml by Prometheus' own loader. None of them is run
// here: that takes a container engine and a cluster. The Collector configurations
// are run by internal/e2e.
package manifests
