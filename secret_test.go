package mctr_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

// TestSecretValueIsNotPrinted prints a config with secrets in each of fmt's forms, and logs it.
func TestSecretValueIsNotPrinted(t *testing.T) {
	const canary = "canary"
	config := mctr.ContainerConfig{
		Process: mctr.Process{SecretEnv: []mctr.SecretVariable{{Name: "A", Value: mctr.SecretValue(canary)}}},
		Volumes: []mctr.Volume{{Type: mctr.VolumeSecret, Value: mctr.SecretValue(canary)}},
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("launch", "config", config)
	texts := []string{log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X"} {
		texts = append(texts, fmt.Sprintf(verb, config), fmt.Sprintf(verb, config.Volumes[0].Value))
	}
	for _, text := range texts {
		for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary),
			fmt.Sprint([]byte(canary)), fmt.Sprintf("%#v", []byte(canary))} {
			if strings.Contains(text, form) {
				t.Errorf("%s", text)
			}
		}
	}
}
