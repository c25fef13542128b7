using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SseListener.Tests.Support;

/// <summary>An authority of the test's own, whose certificates and keys are PEM files of one folder.</summary>
internal sealed class Authority : IDisposable
{
    private static readonly TimeSpan _validity = TimeSpan.FromDays(1);
    private static int _serial;
    private readonly TempFolder _folder = new();
    private readonly X509Certificate2 _certificate;

    public Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow - _validity, DateTimeOffset.UtcNow + (_validity * 2));
        Certificate = Write("authority.pem", _certificate.ExportCertificatePem());
    }

    /// <summary>The file with its own certificate.</summary>
    public string Certificate { get; }

    /// <summary>Signs a certificate for servers and clients on this machine, and returns its file and that of its key.</summary>
    public (string Certificate, string Key) Sign(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var (now, serial) = (DateTimeOffset.UtcNow, BitConverter.GetBytes(Interlocked.Increment(ref _serial)));
        using var certificate = request.Create(_certificate, now - (_validity / 2), now + _validity, serial);
        return (Write($"{name}.pem", certificate.ExportCertificatePem()), Write($"{name}.key", key.ExportPkcs8PrivateKeyPem()));
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _folder.Dispose();
    }

    private string Write(string file, string text)
    {
        var path = Path.Combine(_folder.Path, file);
        File.WriteAllText(path, text);
        return path;
    }
}
