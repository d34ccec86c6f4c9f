// Command hello is what the probe's size and imports are compared with.
package main

import (
	"fmt"
	"time"
)

func main() {
	fmt.Printf("%+v, %v\n", time.Now(), error(nil))
}
