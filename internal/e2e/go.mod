module github.com/cboxdk/resource-monitor/internal/e2e

go 1.26.0
