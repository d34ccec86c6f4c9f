package environ

import "strconv"

// platform is a service that runs containers and tells it by environment variables.
type platform struct {
	name string
	all  []string // variables that must all be set
	any  []string // and one of these, if there are any
	// alone: the variables are documented by the platform and prove a container by themselves. The
	// others are from hearsay or can be inherited, and need a namespace of our own.
	alone bool
}

// platforms are in order: what runs on Kubernetes is Kubernetes first.
var platforms = []platform{
	{name: "ecs", any: []string{"ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"}, alone: true},
	{name: "lambda", all: []string{"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"}, alone: true},
	{name: "cloud_run", all: []string{"K_SERVICE", "K_REVISION", "K_CONFIGURATION"}, alone: true},
	{name: "cloud_run", all: []string{"CLOUD_RUN_JOB"}},
	{name: "azure_container_apps", all: []string{"CONTAINER_APP_NAME"}},
	{name: "azure_app_service", all: []string{"WEBSITE_SITE_NAME"}},
	{name: "heroku", all: []string{"DYNO"}, alone: true},
}

// platformClaim is Kubernetes, where only the environment or the service
// account speaks of it, or another platform.
func (d *detector) platformClaim() (claim, bool) {
	if d.pod.found() {
		if !d.pod.weak || d.plausible() {
			d.find(keyOrchestrator, "kubernetes", d.pod.source, d.pod.reason)
			return claim{source: d.pod.source, reason: d.pod.reason}, true
		}
		// The variables are inherited by whatever is started with them.
		d.contradict(keyContainer, "yes", d.pod.source, d.pod.reason+", but no namespace, path or mount sets this process apart from the host")
		d.pod = podSigns{}
		return claim{}, false
	}
	for _, p := range platforms {
		source, ok := d.matches(p)
		if !ok {
			continue
		}
		if !p.alone && d.ownNamespace() == "" {
			d.contradict(keyOrchestrator, p.name, source, "it is set, but no namespace sets this process apart from the host")
			continue
		}
		d.orchestrator = p.name
		d.find(keyOrchestrator, p.name, source, "the platform sets it in its containers")
		return claim{source: source, reason: "the platform " + p.name + " sets it in its containers"}, true
	}
	return claim{}, false
}

// plausible reports whether weak evidence of a pod stands: something else
// sets us apart from the host, or we cannot see whether it does.
func (d *detector) plausible() bool {
	return d.secondSign() != "" || !d.spaces.readable() || d.info.Sandbox == "gvisor"
}

func (d *detector) matches(p platform) (source string, ok bool) {
	for _, name := range p.all {
		if v, _ := d.env(name); v == "" {
			return "", false
		}
		if source == "" {
			source = "$" + name
		}
	}
	for _, name := range p.any {
		if v, _ := d.env(name); v != "" {
			return "$" + name, true
		}
	}
	return source, len(p.any) == 0
}

// lambdaMemory is how AWS Lambda tells a function of its memory: reserved, so
// that no function sets it, and in MB (AWS Lambda Developer Guide, "Environment
// Variables Available to Lambda Functions"). MB is taken for MiB. Amazon ECS
// tells of a task's limits over HTTP alone, and nothing here contacts a network.
const lambdaMemory = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

func (d *detector) readPlatformLimits() {
	if d.orchestrator != "lambda" {
		return
	}
	text, _ := d.env(lambdaMemory)
	const most = 1 << 20 // MiB: anything above is no size of a function
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n > 0 && n <= most {
		d.info.platformMemory, d.info.platformSource = n<<20, "$"+lambdaMemory
	}
}
