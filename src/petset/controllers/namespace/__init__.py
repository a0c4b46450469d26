"""What every namespace has (default ServiceAccount, kube-root-ca.crt), and how it ends: empty."""
