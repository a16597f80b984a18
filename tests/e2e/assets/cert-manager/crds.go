// Package crds keeps the module that has cert-manager's CRDs among the requirements.
package crds

import _ "github.com/cert-manager/cert-manager/pkg/apis/certmanager"
