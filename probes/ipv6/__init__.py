"""IPv6 on a measuring point's link: routers, addresses, neighbours, echo."""
