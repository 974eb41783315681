/* A key set, and a detached JWS of a body under its key; the private key was thrown away. */
#pragma once

#define JWKS                                                                                       \
	"{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"kid\":\"1\",\"n\":\"yUwAH1KLpZqqIvz6iQYLU5E_qrnKWnuOOztbSVuufy10wa-tKknO4tQ5AE7CiFJiRE9LQycZi36HpK63oJM4mX1ZXNECNbJZYaI9ffoDhf7SdvCFO3JcKTHkGCokjsFBFxGs4HUBpBEp6OuFxzP1_mmSl81lrEzxH6xFNRjqhoJn5diAOAWjfl0P9a7OYbqG_3coG7zfNayygLrUFCJiHF4x-9FrxOfNw4U3mPPw8Wc7mYCCGzcpn45bPSSAJaMMMPCfSaMM2qOBGSTO74Pe07Ah2xCSxZ0EHy3M4w0zTUgcFHweoLBNYFDb3XzCAgEx_1oiW-b3flYwGGxsz2Fd4Q\",\"e\":\"AQAB\"}]}"
#define JWS_BODY                                                                                   \
	"{\"url\":\"https://api.example.com/v3/partner/accounts/a1/plan\",\"event_type\":\"tier.increase\"}"
#define JWS_TIME 1603992205
#define JWS                                                                                        \
	"eyJhbGciOiJSUzI1NiIsInRzIjoxNjAzOTkyMjA1LCJiNjQiOmZhbHNlLCJjcml0IjpbImI2NCJdfQ..dIAUgVHyy-GUMZznlWpSTnE3bfBqpOAxWgOCNYnSx3Ik5pDu3Ic7KyQf6JEzr7dGpYmkkb98CvweIW0-1rMUPmTZhfinsW_KmytLEei7PPDT-8_K8re-aMuujuT-w4s3WTZhXG78bnW4Nvcss0uK-ZC0cF60e65xwRQm_cG-Ksv1EFqfrCOp0YehQYDg2FQD5_voolkZHEhi4nJoRMEMZdNP4FotnJXgUwsPVObWSpLa7456zlIZuIEYu8CXpDwIxuiR8sXZaTC8PVqkNf16bnbCF5C7t9qk4y9AVraXJf20lR5kSNbWAGHGpbf9_U7u22uQDGkG02_A7fQnS_9DiQ"
#define JWS_NONE "eyJhbGciOiJub25lIiwidHMiOjE2MDM5OTIyMDUsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19.."
