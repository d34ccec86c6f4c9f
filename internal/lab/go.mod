module github.com/cboxdk/resource-monitor/internal/lab

go 1.26.0
