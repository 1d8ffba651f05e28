// Command show serves the pages before a made-up world, to be looked at: go run
// ./apps/web/pages/pagestest/show -listen 127.0.0.1:8090
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/plenary/plenary/apps/web/pages/pagestest"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "address")
	flag.Parse()
	world := pagestest.New()
	server := &http.Server{Addr: *listen, Handler: world.Handler, ReadHeaderTimeout: 5 * time.Second}
	log.Printf("http://%s/", *listen)
	for name := range pagestest.Orders() {
		log.Printf("%-16s http://%s%s", name, *listen, pagestest.PagePath(name))
	}
	log.Fatal(server.ListenAndServe())
}
