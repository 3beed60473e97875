// Command kstatus prints what kstatus, by which Flux, kpt and Helm wait for objects, makes of them:
// kstatus FILE... prints a line for each JSON file, "FILE STATUS".
package main

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func judge(name string) (status.Status, error) {
	bytes, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(bytes); err != nil {
		return "", err
	}
	result, err := status.Compute(object)
	if err != nil {
		return "", err
	}
	return result.Status, nil
}

func main() {
	for _, name := range os.Args[1:] {
		word, err := judge(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "kstatus: %s: %v\n", name, err)
			os.Exit(1)
		}
		fmt.Println(name, word)
	}
}
