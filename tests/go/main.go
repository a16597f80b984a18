// Asks Go what it makes of durations and booleans in texts, and cobra and pflag what they make of
// istiod's arguments. The flags are those of istio/istio 1.30.3: pilot/cmd/pilot-discovery/app/cmd.go,
// pkg/log/options.go, pkg/ctrlz/options.go and pkg/keepalive/options.go.
//
//	go run . durations > durations.jsonl
//	go run . booleans > booleans.jsonl
//	go run . arguments > arguments.jsonl
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

var out = json.NewEncoder(os.Stdout)

func main() {
	out.SetEscapeHTML(false)
	switch os.Args[1] {
	case "durations":
		durations()
	case "booleans":
		booleans()
	case "arguments":
		arguments()
	}
}

func write(row ...any) {
	if err := out.Encode(row); err != nil {
		panic(err)
	}
}

// ["text", nanoseconds, "as Go prints it"], or ["text", "error"].
func duration(text string) {
	d, err := time.ParseDuration(text)
	if err != nil {
		write(text, err.Error())
		return
	}
	write(text, int64(d), d.String())
}

func durations() {
	fixed := []string{
		"", " ", "0", "+0", "-0", "00", "0x0", "0.0", "0s", "-0s", "+5s", "--5s", "+-5s", "5", "5 s", " 5s", "5s ", "5s\n",
		"10m", "10M", "10Min", "10 m", "1d", "1w", "1y", "1h30m", "1h 30m", "1h30", "1.5h", "1,5h", ".5s", "5.s", ".s", ".", "-.", "-",
		"+", "s", "m", "-s", "1e3s", "1_000s", "1'000s", "0x10s", "１０s", "١s", "∞", "NaN", "inf", "1.2.3s", "1..5s", "1s1s", "1s-1s",
		"1us", "1µs", "1μs", "1\u00b5s", "1\u03bcs", "1ųs", "1ns", "1.5ns", "0.9ns", "1ms", "1MS", "1Ms", "1mS", "1H", "1S",
		"9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns", "-9223372036854775809ns",
		"9223372036854775.807us", "9223372036854.775807ms", "9223372036.854775807s", "9223372036.854775808s", "-9223372036.854775808s",
		"9223372036s", "9223372037s", "2562047h47m16.854775807s", "2562047h47m16.854775808s", "2562048h", "153722867m", "153722868m",
		"18446744073709551615ns", "18446744073709551616ns", "99999999999999999999999s", "0.99999999999999999999999s",
		"0.000000000000000000000000000000000000000001h", "0.1000000000000000000000000000000000000001s",
		"0.3333333333333333333h", "0.9223372036854775807h", "0.9223372036854775808s", "00000000000000000000001s", "1.0000000000000000000000000000s",
		"39h9m14.425s", "-1m30s", "-1.5h", "1h1m1s1ms1us1ns", "1ns1us1ms1s1m1h", "876000h", "1800", "\"10m\"", "'10m'", "10m #", "10mm", "10sm",
		"ten minutes", "true", "null", "~", "1h\x00", "10m\u00a0", "\ufeff10m", "10\u0301m", "1\U0001d7ces", "10m0", "0m", "m10", "1.h", "1.m5s", "-0.5m",
	}
	for _, text := range fixed {
		duration(text)
	}
	random := rand.New(rand.NewSource(1))
	units := []string{"ns", "us", "µs", "μs", "ms", "s", "m", "h", "", "d", "S", " s"}
	for range 400 {
		text := []string{"", "", "", "-", "+"}[random.Intn(5)]
		for range 1 + random.Intn(3) {
			text += number(random) + units[random.Intn(8+random.Intn(5))]
		}
		duration(text)
	}
	alphabet := []rune("0123456789..--+hmsnuµμ \"xe")
	for range 200 {
		var text strings.Builder
		for range random.Intn(8) {
			text.WriteRune(alphabet[random.Intn(len(alphabet))])
		}
		duration(text.String())
	}
	// What Go prints of any duration, it reads.
	for range 300 {
		duration(time.Duration(random.Int63() >> random.Intn(63)).String())
		duration((-time.Duration(random.Int63() >> random.Intn(63))).String())
	}
	duration(time.Duration(math.MaxInt64).String())
	duration(time.Duration(math.MinInt64).String())
}

func number(random *rand.Rand) string {
	digits := func(most int) string {
		text := ""
		for range random.Intn(most) {
			text += strconv.Itoa(random.Intn(10))
		}
		return text
	}
	text := digits(1 + random.Intn(22))
	if random.Intn(2) == 0 {
		text += "." + digits(1+random.Intn(30))
	}
	return text
}

// ["text", true], or ["text", null] for what is no boolean.
func booleans() {
	words := []string{"1", "0", "t", "f", "true", "false", "yes", "no", "y", "n", "on", "off", "", " ", "2", "-1", "01", "null", "enabled", "tru", "falsee"}
	seen := map[string]bool{}
	try := func(text string) {
		if seen[text] {
			return
		}
		seen[text] = true
		if is, err := strconv.ParseBool(text); err == nil {
			write(text, is)
		} else {
			write(text, nil)
		}
	}
	for _, word := range words {
		for mask := range 1 << len(word) {
			text := []byte(word)
			for i := range text {
				if mask&(1<<i) != 0 {
					text[i] = strings.ToUpper(word)[i]
				}
			}
			try(string(text))
		}
		try(" " + word)
		try(word + " ")
		try(word + "\n")
		try("\"" + word + "\"")
	}
}

// What istiod would run with, or the error with which it ends.
func istiod(args []string) (age, interval, timeout time.Duration, err error) {
	unknown := cobra.FParseErrWhitelist{UnknownFlags: true}
	root := &cobra.Command{Use: "pilot-discovery", SilenceUsage: true, SilenceErrors: true, FParseErrWhitelist: unknown}
	age = -1
	ran := false
	discovery := &cobra.Command{
		Use: "discovery", Args: cobra.ExactArgs(0), FParseErrWhitelist: unknown, SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error { ran = true; return nil },
	}
	flags := discovery.PersistentFlags()
	for _, name := range []string{
		"clusterRegistriesNamespace", "kubeconfig", "meshConfig", "networksConfig", "cniNamespace", "configDir", "domain", "clusterID",
		"httpAddr", "httpsAddr", "grpcAddr", "secureGRPCAddr", "monitoringAddr", "caCertFile", "tlsCertFile", "tlsKeyFile", "tls-min-version",
		"log_stacktrace_level", "log_output_level", "log_caller", "ctrlz_address",
	} {
		flags.String(name, "", "")
	}
	flags.StringP("namespace", "n", "", "")
	flags.StringSlice("registries", nil, "")
	flags.StringSlice("tls-cipher-suites", nil, "")
	flags.StringArray("log_target", nil, "")
	flags.StringToString("clusterAliases", nil, "")
	flags.Bool("profile", true, "")
	flags.Bool("log_as_json", false, "")
	flags.Float32("kubernetesApiQPS", 80, "")
	flags.Int("kubernetesApiBurst", 160, "")
	flags.Uint16("ctrlz_port", 9876, "")
	flags.Duration("shutdownDuration", 10*time.Second, "")
	flags.DurationVar(&interval, "keepaliveInterval", 30*time.Second, "")
	flags.DurationVar(&timeout, "keepaliveTimeout", 10*time.Second, "")
	flags.DurationVar(&age, "keepaliveMaxServerConnectionAge", time.Duration(math.MaxInt64), "")
	root.AddCommand(discovery)
	root.SetArgs(args)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	err = root.Execute()
	if err == nil && !ran {
		err = fmt.Errorf("discovery does not run")
	}
	// pkg/config/validation: what the flags come to in the end is checked.
	if err == nil && age < 0 {
		err = fmt.Errorf("invalid duration: %v: --keepaliveMaxServerConnectionAge only accepts positive duration", age)
	}
	return
}

// [[arguments], "age", "interval", "timeout"], or [[arguments], "error"]; age "unlimited" is the default.
func arguments() {
	const flag = "keepaliveMaxServerConnectionAge"
	pieces := [][]string{
		{"--" + flag, "30m"}, {"--" + flag, "10m"}, {"--" + flag + "=10m"}, {"--" + flag + "=1h30m"}, {"--" + flag}, {"--" + flag, "1800"},
		{"--" + flag, "0"}, {"--" + flag + "="}, {"--" + flag, ""}, {"--" + flag, "-5m"}, {"--" + flag, "\"10m\""}, {"--" + flag + " 10m"},
		{"-" + flag + "=10m"}, {"-" + flag, "10m"}, {"--keepaliveMaxServerConnectionAgee", "10m"}, {"--keepalivemaxserverconnectionage=10m"},
		{"--" + flag + "=10m=5m"}, {"--" + flag, "--log_as_json"}, {"--" + flag, "--"}, {"--" + flag, "10m", "5m"},
		{"--keepaliveInterval", "60s"}, {"--keepaliveInterval=90s"}, {"--keepaliveTimeout", "20s"}, {"--keepaliveTimeout=x"},
		{"--monitoringAddr=:15014"}, {"--monitoringAddr", ":15014"}, {"--log_output_level=default:info"}, {"--domain", "cluster.local"},
		{"--profile"}, {"--profile=false"}, {"--profile", "false"}, {"--log_as_json"}, {"--namespace", "istio-system"}, {"-n", "istio-system"},
		{"-nistio-system"}, {"-n=istio-system"}, {"-n"}, {"--cniNamespace", "kube-system"}, {"--tls-min-version", "--profile"},
		{"--someNewSwitch"}, {"--someNewSwitch", "word"}, {"--someNewSwitch=word"}, {"--someNewSwitch", "--profile"}, {"--some-new", "10m"},
		{"word"}, {"10m"}, {"discovery"}, {"--"}, {"-"}, {"-x"}, {"-x", "word"}, {"-xn", "word"}, {"---" + flag + "=10m"}, {"--=x"}, {"-n-x"}, {"-x=y", "word"}, {"-xyz", "word"}, {"-nx", "word"},
	}
	random := rand.New(rand.NewSource(2))
	try := func(args []string) {
		age, interval, timeout, err := istiod(args)
		if err != nil {
			write(args, err.Error())
			return
		}
		text := age.String()
		if age == time.Duration(math.MaxInt64) {
			text = "unlimited"
		}
		write(args, text, interval.String(), timeout.String())
	}
	for _, piece := range pieces {
		try(append([]string{"discovery"}, piece...))
		try(append(append([]string{}, piece...), "discovery"))
	}
	for range 900 {
		args := []string{}
		at := 0
		if random.Intn(4) == 0 {
			at = random.Intn(3)
		}
		for i := range 1 + random.Intn(5) {
			if i == at {
				args = append(args, "discovery")
			}
			args = append(args, pieces[random.Intn(len(pieces))]...)
		}
		try(args)
	}
}
